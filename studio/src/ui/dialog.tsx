/** A dialog of the browser's own: Escape closes it, focus stays in it and returns. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { texts } from "../i18n/i18n.ts";
import { Icon } from "./icons.tsx";

interface DialogProps {
  readonly title: string;
  readonly class?: string | undefined;
  readonly children: ComponentChildren;
  onClose(): void;
}

export function Dialog({ title, children, onClose, ...rest }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside it closes it; the keyboard has Escape
    <dialog
      ref={dialog}
      class={rest.class}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <header>
        <h2>{title}</h2>
        <button
          type="button"
          class="icon-button"
          aria-label={texts.value.close}
          onClick={() => dialog.current?.close()}
        >
          <Icon name="clear" />
        </button>
      </header>
      <div class="body">{children}</div>
    </dialog>
  );
}
