import { Dialog } from "~/shared/components/Dialog";
import { shortcutsNow } from "~/shared/hooks/useShortcuts";
import styles from "~/shell/KeysHelp.module.css";

/** Which keys do what on the page that is shown. */
export function KeysHelp({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  return (
    <Dialog title="Keys" isOpen={isOpen} onClose={onClose}>
      <dl className={styles.keys}>
        {shortcutsNow().map((shortcut) => (
          <div key={shortcut.key} className={styles.row}>
            <dt>
              <kbd>{shortcut.key}</kbd>
            </dt>
            <dd>{shortcut.does}</dd>
          </div>
        ))}
        <div className={styles.row}>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>close what is open on top</dd>
        </div>
      </dl>
    </Dialog>
  );
}
