import { diagnose } from './diagnosis.ts';

/** `npm run doctor`: looks at everything that Maitred stands on. Exit code 1 when something has to be mended. */
const findings = await diagnose(process.env);
for (const { level, about, says } of findings) process.stdout.write(`${level.padEnd(5)} ${about.padEnd(12)} ${says}\n`);
const count = (level: string) => findings.filter((one) => one.level === level).length;
process.stdout.write(`${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} to mend\n`);
process.exit(count('fail') === 0 ? 0 : 1);
