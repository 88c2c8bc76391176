import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/** Prints `N passed, N failed` alone on the very last line of the run. */
export default class CountReporter implements Reporter {
  #passed = 0;
  #failed = 0;

  onInit(): void {
    // The default reporter prints its summary in its own onTestRunEnd; print at exit to be last for certain.
    process.once('exit', (code) => {
      // A run that failed with no failed test (failed global setup, no test files, crash) must not read as clean.
      const failed = code !== 0 && this.#failed === 0 ? 1 : this.#failed;
      process.stdout.write(`${this.#passed} passed, ${failed} failed\n`);
    });
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<SerializedError>): void {
    this.#passed = 0;
    this.#failed = unhandled.length;
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') this.#passed += 1;
        else if (state === 'failed') this.#failed += 1;
      }
      // A file that could not be loaded, or a suite whose hooks failed, has errors and may have no failed test.
      this.#failed += module.errors().length;
      for (const suite of module.children.allSuites()) this.#failed += suite.errors().length;
    }
  }
}
