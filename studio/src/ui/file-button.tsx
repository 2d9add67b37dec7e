/** A button that chooses files: a label over a file field, so that it looks and works like the buttons beside it. */
import { useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons.tsx";

interface FileButtonProps {
  readonly accept: string;
  /** With a title of its own where the label alone says too little. */
  readonly label: string;
  readonly title?: string | undefined;
  readonly icon?: IconName | undefined;
  readonly isMultiple?: boolean | undefined;
  /** Chooses a folder, with all that is in it. */
  readonly isFolder?: boolean | undefined;
  /** Take the picture with the camera of a phone. */
  readonly isCamera?: boolean | undefined;
  readonly class?: string | undefined;
  onFiles(files: readonly [File, ...File[]]): void;
}

export function FileButton({
  accept,
  label,
  title,
  icon,
  isMultiple,
  isFolder,
  isCamera,
  onFiles,
  ...rest
}: FileButtonProps) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <span class="file-button">
      <button type="button" class={rest.class} aria-label={title} onClick={() => field.current?.click()}>
        {icon !== undefined && <Icon name={icon} />}
        <span>{label}</span>
      </button>
      <input
        ref={field}
        type="file"
        hidden
        accept={accept}
        multiple={isMultiple}
        {...(isFolder === true && { webkitdirectory: true })}
        capture={isCamera === true ? "environment" : undefined}
        onChange={(event) => {
          const [first, ...others] = event.currentTarget.files ?? [];
          if (first !== undefined) onFiles([first, ...others]);
          event.currentTarget.value = "";
        }}
      />
    </span>
  );
}
