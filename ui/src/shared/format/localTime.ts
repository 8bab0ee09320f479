/** A time in the form that `input type=datetime-local` has, in the reader's zone. Milliseconds since the Unix epoch. */
export function toLocalInput(time: number): string {
  const date = new Date(time);
  const day = `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The last millisecond of the second that such an input says; null where it says none. */
export function fromLocalInput(text: string): number | null {
  const time = new Date(text).getTime();
  return Number.isNaN(time) || time < 0 ? null : time + 999;
}

const two = (value: number): string => String(value).padStart(2, "0");
