import { Search, X } from "lucide-react";
import type { KeyboardEvent, Ref } from "react";
import { useId, useImperativeHandle, useRef, useState } from "react";
import { flushSync } from "react-dom";

import type { Failure } from "~/api/errors";
import { askedAt } from "~/filter/asked";
import type { Completion } from "~/filter/complete";
import { completed, completionsFor } from "~/filter/complete";
import { positionOf } from "~/filter/faults";
import styles from "~/filter/FilterBar.module.css";
import { FilterHelp } from "~/filter/FilterHelp";
import type { FilterScope } from "~/filter/known";
import { useKnown } from "~/filter/known";
import { readFilter } from "~/filter/read";
import { keepFilter, recentFilters } from "~/filter/recent";
import type { Refusal } from "~/filter/refusal";
import { refusalBy, spanOf } from "~/filter/refusal";
import { Suggestions } from "~/filter/Suggestions";
import { wantedAt } from "~/filter/syntax";
import { Button, IconButton } from "~/shared/components/Button";
import { useNow } from "~/shared/hooks/useNow";
import { useSettled } from "~/shared/hooks/useSettled";

const TYPING_MS = 120;

interface Properties {
  /** The filter that is applied. */
  readonly text: string;
  /** Told the filter to apply. */
  readonly onText: (text: string) => void;
  /** What became of the search with `text`: where the server did not understand it, the place is shown. */
  readonly failure: Failure | null;
  readonly scope: FilterScope;
  readonly boxRef?: Ref<HTMLInputElement>;
}

/** A box for a filter of runs: it completes what is typed, says what is wrong and where, and applies on Enter. */
export function FilterBar({ text, onText, failure, scope, boxRef }: Properties) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  useImperativeHandle<HTMLInputElement | null, HTMLInputElement | null>(boxRef, () => input.current);
  const [draft, setDraft] = useState(text);
  const [applied, setApplied] = useState(text);
  const [cursor, setCursor] = useState(text.length);
  const [scroll, setScroll] = useState(0);
  const [isFocused, setFocused] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const [isSubmitted, setSubmitted] = useState(false);
  if (text !== applied) {
    // Back and forward change the URL, which counts.
    setApplied(text);
    setDraft(text);
    setSubmitted(false);
  }
  const now = useNow();
  const asked = isFocused ? askedAt(draft, cursor) : null;
  const known = useKnown(scope, useSettled(asked, TYPING_MS));
  const recent = draft === "" && isFocused ? recentFilters(scope.workspace) : [];
  const found = asked === null ? [] : completionsFor(asked, known, now);
  const options: readonly Completion[] = [
    ...recent.map((each) => ({ label: each, hint: "recent", insert: each })),
    ...found,
  ];
  const isListed = isOpen && isFocused && options.length > 0;

  const { fault } = readFilter(draft);
  const ofServer = draft === text ? refusalBy(failure, text) : null;
  const span = fault === null ? null : spanOf(draft, fault.offset);
  const isTyping =
    isFocused && fault !== null && (fault.isUnfinished || (span?.end === cursor && found.length > 0)) && !isSubmitted;
  const refusal: Refusal | null =
    fault === null || span === null
      ? ofServer
      : isTyping
        ? null
        : { span, message: `Character ${positionOf(draft, fault.offset)}: ${fault.problem}.` };

  const change = (typed: string, at: number): void => {
    setDraft(typed);
    setCursor(at);
    setActive(-1);
    setSubmitted(false);
  };
  /** Changes the text from outside of the box, and moves the cursor. */
  const put = (typed: string, at: number): void => {
    flushSync(() => change(typed, at));
    input.current?.focus();
    input.current?.setSelectionRange(at, at);
  };
  const apply = (typed: string): void => {
    const whole = typed.trim();
    setSubmitted(true);
    if (readFilter(whole).fault !== null) return;
    setDraft(whole);
    setOpen(false);
    if (whole !== "") keepFilter(scope.workspace, whole);
    if (whole !== text) onText(whole);
  };
  const take = (place: number): void => {
    const chosen = options[place];
    if (chosen === undefined) return;
    if (place < recent.length) {
      change(chosen.insert, chosen.insert.length);
      apply(chosen.insert);
      return;
    }
    if (asked === null) return;
    const next = completed(draft, asked, chosen);
    put(next.text, next.cursor);
    setOpen(true);
  };
  const move = (by: number): void => {
    if (!isListed) {
      setOpen(true);
      setActive(by > 0 ? 0 : options.length - 1);
    } else {
      setActive((now) => (now === -1 && by < 0 ? options.length - 1 : (now + by + options.length) % options.length));
    }
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.nativeEvent.isComposing) return;
    const isHalfTyped = asked !== null && asked.typed !== "";
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter") {
      if (isListed && active >= 0) take(active);
      else apply(draft);
    } else if (event.key === "Tab" && !event.shiftKey && isListed && (active >= 0 || isHalfTyped)) {
      take(Math.max(active, 0));
    } else if (event.key === "Escape") {
      if (isListed) setOpen(false);
      else event.currentTarget.blur();
      event.stopPropagation();
    } else if (event.key === " " && event.ctrlKey) setOpen(true);
    else return;
    event.preventDefault();
  };
  const clear = (): void => {
    change("", 0);
    apply("");
    input.current?.focus();
    setOpen(true);
  };
  const says = `${id}-says`;
  return (
    <div className={styles.bar}>
      <div className={`${styles.frame} ${refusal === null ? "" : styles.refused}`}>
        <Search aria-hidden className={styles.icon} />
        <div className={styles.field}>
          <div className={styles.mirror} aria-hidden style={{ transform: `translateX(${-scroll}px)` }}>
            {refusal?.span != null && (
              <>
                {draft.slice(0, refusal.span.start)}
                <span className={styles.wave}>{draft.slice(refusal.span.start, refusal.span.end) || " "}</span>
              </>
            )}
          </div>
          <input
            ref={input}
            type="text"
            role="combobox"
            className={styles.input}
            aria-label="Filter runs"
            aria-autocomplete="list"
            aria-expanded={isListed}
            aria-controls={`${id}-list`}
            aria-activedescendant={isListed && active >= 0 ? `${id}-${active}` : undefined}
            aria-invalid={refusal !== null}
            aria-describedby={says}
            placeholder="Filter: metrics.loss < 0.1 AND status = 'FINISHED'"
            autoComplete="off"
            autoCapitalize="off"
            autoCorrect="off"
            spellCheck={false}
            value={draft}
            onChange={(event) => {
              change(event.target.value, event.target.selectionStart ?? event.target.value.length);
              setOpen(true);
            }}
            onSelect={(event) => setCursor(event.currentTarget.selectionStart ?? 0)}
            onScroll={(event) => setScroll(event.currentTarget.scrollLeft)}
            onFocus={() => {
              setFocused(true);
              setOpen(draft === "");
            }}
            onBlur={() => {
              setFocused(false);
              setOpen(false);
            }}
            onKeyDown={onKeyDown}
          />
        </div>
        {draft.trim() !== text && (
          <Button
            kind="quiet"
            className={styles.apply ?? ""}
            onClick={() => apply(draft)}
            title="Apply the filter (Enter)"
          >
            Apply
          </Button>
        )}
        {(draft !== "" || text !== "") && <IconButton label="Clear the filter" icon={<X />} onClick={clear} />}
        <FilterHelp onExample={(example) => put(example, example.length)} box={() => input.current} />
        {isListed && (
          <Suggestions
            id={id}
            options={options}
            active={active}
            typed={asked?.typed ?? ""}
            column={recent.length > 0 ? 0 : (asked?.start ?? 0)}
            scroll={scroll}
            next={asked === null ? "" : wantedAt(asked.place)}
            onTake={take}
            onPoint={setActive}
          />
        )}
      </div>
      <p id={says} role="status" className={styles.says} hidden={refusal === null}>
        {refusal?.message}
      </p>
    </div>
  );
}
