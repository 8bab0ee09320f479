import { Keyboard, Monitor, Moon, Rows2, Rows4, SunMedium, SunMoon } from "lucide-react";

import { setDensity, setTheme } from "~/shared/appearance";
import { IconButton } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";

/** Light or dark, rows close or apart, and the keys. */
export function AppearanceMenu({ onKeys }: { readonly onKeys: () => void }) {
  return (
    <Menu
      trigger={<IconButton label="Appearance and keys" icon={<SunMoon />} />}
      items={[
        { id: "system", label: "As the system", icon: <Monitor />, onChoose: () => setTheme("system") },
        { id: "light", label: "Light", icon: <SunMedium />, onChoose: () => setTheme("light") },
        { id: "dark", label: "Dark", icon: <Moon />, onChoose: () => setTheme("dark") },
        { id: "compact", label: "Compact rows", icon: <Rows4 />, onChoose: () => setDensity("compact") },
        { id: "comfortable", label: "Comfortable rows", icon: <Rows2 />, onChoose: () => setDensity("comfortable") },
        { id: "keys", label: "Keys", icon: <Keyboard />, onChoose: onKeys },
      ]}
    />
  );
}
