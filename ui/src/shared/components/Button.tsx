import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

import styles from "~/shared/components/Button.module.css";

interface Properties extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** `primary` is the one thing to do here; `danger` takes something away; `quiet` has no frame. */
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  readonly icon?: ReactNode;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button({ kind = "plain", icon, children, className = "", type = "button", ...rest }: Properties) {
  return (
    <button {...rest} type={type} className={`${styles.button} ${styles[kind]} ${className}`}>
      {icon}
      {children}
    </button>
  );
}

interface IconProperties extends Omit<Properties, "children" | "icon"> {
  /** What it does, for people who do not see the icon, and for those who point at it. */
  readonly label: string;
  readonly icon: ReactNode;
}

export function IconButton({ label, icon, kind = "quiet", className = "", ...rest }: IconProperties) {
  return (
    <Button
      {...rest}
      kind={kind}
      aria-label={label}
      title={label}
      icon={icon}
      className={`${styles.icon} ${className}`}
    />
  );
}
