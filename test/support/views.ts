/*
 * What tests of views have in common.
 */
/** Words that try to leave their place, and are too long for any. */
export const hostile = `<!channel> *bold* \`tick\` <https://evil.example|Approve> & "quotes" \u202e ${'x'.repeat(3_500)}`;

/** Text that Slack parses; plain_text is shown as it is. */
export function parsedText(value: unknown): string {
  if (Array.isArray(value)) return value.map(parsedText).join('\n');
  if (typeof value !== 'object' || value === null) return '';
  const { type, text } = value as { type?: string; text?: unknown };
  if (type === 'mrkdwn') return String(text);
  return Object.values(value).map(parsedText).join('\n');
}
