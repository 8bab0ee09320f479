/** A text of the filter language, in quotes. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The pattern of a LIKE that passes what holds a text, in quotes. */
export const containing = (text: string): string => quoted(`%${text.replace(/[\\%_]/g, "\\$&")}%`);

/** A key after `tags.`, `params.` or `metrics.`: in quotes where it needs them. */
export function quotedKey(key: string): string {
  // The end of a metric's key would be read as which of its values is meant.
  if (/^[\w./-]+$/.test(key) && !/\.(?:min|max|last)$/.test(key)) return key;
  return key.includes("`") ? `"${key.replaceAll('"', '""')}"` : `\`${key}\``;
}
