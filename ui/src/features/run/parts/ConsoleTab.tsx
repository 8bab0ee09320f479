export default function ConsoleTab() {
  return null;
}
