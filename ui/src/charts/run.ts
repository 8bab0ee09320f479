/** A run as charts know it. */
export interface RunMark {
  readonly id: string;
  readonly name: string;
}

/** What charts tell of runs. */
export interface RunEvents {
  /** The run that is pointed at, here or elsewhere. */
  readonly hovered: string | null;
  readonly onHover: (id: string | null) => void;
  readonly onOpen: (id: string) => void;
}

/** What runs have under a name, for who points at one. */
export interface Fact {
  readonly label: string;
  readonly value: string;
}
