import { fileURLToPath } from 'node:url';
import { renderAsync } from '@resvg/resvg-js';

const fontFiles = ['400Regular/Inter_400Regular', '600SemiBold/Inter_600SemiBold'].map((name) =>
  fileURLToPath(import.meta.resolve(`@expo-google-fonts/inter/${name}.ttf`)),
);

/**
 * A picture as PNG, off the main thread, with our own font and nothing of the machine's: the same everywhere. `scale`: how
 * many pixels of it a pixel of a phone is. Fails when it is no SVG.
 */
export async function toPng(svg: string, scale = 2): Promise<Buffer> {
  const image = await renderAsync(svg, {
    font: { loadSystemFonts: false, fontFiles, defaultFontFamily: 'Inter' },
    fitTo: { mode: 'zoom', value: scale },
  });
  return image.asPng();
}
