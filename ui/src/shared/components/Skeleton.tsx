import styles from "~/shared/components/Skeleton.module.css";

/** What is shown in place of rows until the first ones are there: as many, and as high. */
export function Skeleton({ rows = 8 }: { readonly rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className={styles.skeleton}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={styles.row} />
      ))}
    </div>
  );
}
