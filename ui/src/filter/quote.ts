/** A text of the filter language, in quotes. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
