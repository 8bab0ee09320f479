import { Combobox, createListCollection } from "@ark-ui/react/combobox";
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";

import { registry } from "~/api/clients";
import { failureOf } from "~/api/errors";
import { idOf, workspaceName } from "~/api/names";
import { containing, quoted } from "~/filter/quote";
import { useSettled } from "~/shared/hooks/useSettled";
import { nameFault } from "~/shared/models/modelNames";
import styles from "~/shared/models/ModelNameField.module.css";

const TYPING_MS = 150;
/** How many names are offered; whoever types more of a name sees others. */
const OFFERED = 20;

interface Properties {
  readonly workspace: string;
  readonly label: string;
  readonly name: string;
  readonly onName: (name: string) => void;
}

/** The models whose names hold a text, and the one that has just that name. */
const offeredQuery = (workspace: string, typed: string) =>
  queryOptions({
    queryKey: ["models", workspace, "offered", typed],
    queryFn: async ({ signal }) => {
      const parent = workspaceName(workspace);
      const filter = typed === "" ? "" : `name ILIKE ${containing(typed)}`;
      const [holding, exact] = await Promise.all([
        registry.searchModels({ parent, filter, pageSize: OFFERED }, { signal }),
        typed === ""
          ? null
          : registry.searchModels({ parent, filter: `name = ${quoted(typed)}`, pageSize: 1 }, { signal }),
      ]);
      return {
        names: holding.models.map((each) => idOf(each.name)),
        isThere: (exact?.models.length ?? 0) > 0,
      };
    },
  });

/** Asks for a model: one that is there, from a list that searches, or a new name. */
export function ModelNameField({ workspace, label, name, onName }: Properties) {
  const settled = useSettled(name, TYPING_MS);
  const offered = useQuery({ ...offeredQuery(workspace, settled), placeholderData: keepPreviousData });
  const collection = createListCollection({ items: [...(offered.data?.names ?? [])] });
  const fault = nameFault(name) || (offered.isError ? failureOf(offered.error).message : "");
  const isKnown = settled === name && offered.data !== undefined && !offered.isPlaceholderData;
  const hint =
    name === ""
      ? "Choose a model, or type a new name"
      : !isKnown
        ? ""
        : offered.data.isThere
          ? "The next version of this model"
          : "A new model";
  return (
    <Combobox.Root
      collection={collection}
      inputValue={name}
      onInputValueChange={(details) => onName(details.inputValue)}
      allowCustomValue
      openOnClick
      className={styles.root}
      positioning={{ sameWidth: true }}
    >
      <div className={styles.head}>
        <Combobox.Label className={styles.label}>{label}</Combobox.Label>
        <span className={fault === "" ? styles.hint : styles.fault} role="status">
          {fault === "" ? hint : fault}
        </span>
      </div>
      <Combobox.Control className={styles.control}>
        <Combobox.Input aria-invalid={fault !== ""} onChange={(event) => onName(event.target.value)} />
      </Combobox.Control>
      <Combobox.Positioner className={styles.positioner}>
        {collection.size > 0 && (
          <Combobox.Content className={styles.list}>
            {collection.items.map((item) => (
              <Combobox.Item key={item} item={item} className={styles.item}>
                <Combobox.ItemText>{item}</Combobox.ItemText>
              </Combobox.Item>
            ))}
          </Combobox.Content>
        )}
      </Combobox.Positioner>
    </Combobox.Root>
  );
}
