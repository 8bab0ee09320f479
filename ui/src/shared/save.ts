/** Has the browser keep some bytes as a file. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** A name as that of a file on any system. */
export const fileName = (name: string): string => name.replace(/[^\w.-]+/g, "_");
