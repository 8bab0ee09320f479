import { createToaster, Toast, Toaster } from "@ark-ui/react/toast";
import { X } from "lucide-react";

import type { Failure } from "~/api/errors";
import { IconButton } from "~/shared/components/Button";
import styles from "~/shared/components/toasts.module.css";

const toaster = createToaster({ placement: "bottom-end", max: 4, duration: 5000 });

/** Says that something was done. */
export function notify(title: string): void {
  toaster.create({ title, type: "success" });
}

/** Says that something could not be done, until somebody closes it. */
export function notifyFailure(title: string, failure: Failure): void {
  const id = failure.requestId === "" ? "" : ` Request ${failure.requestId}.`;
  toaster.create({
    title,
    description: `${failure.message} ${failure.nextStep}${id}`,
    type: "error",
    duration: Infinity,
  });
}

/** Where notes appear. */
export function Toasts() {
  return (
    <Toaster toaster={toaster}>
      {(toast) => (
        <Toast.Root className={`${styles.toast} ${toast.type === "error" ? styles.error : ""}`}>
          <div className={styles.text}>
            <Toast.Title className={styles.title}>{toast.title}</Toast.Title>
            {toast.description !== undefined && <Toast.Description>{toast.description}</Toast.Description>}
          </div>
          <Toast.CloseTrigger asChild>
            <IconButton label="Close" icon={<X />} />
          </Toast.CloseTrigger>
        </Toast.Root>
      )}
    </Toaster>
  );
}
