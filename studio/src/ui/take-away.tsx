/** The formats in which a model leaves the page, each a button that saves a file. */
import { useState } from "preact/hooks";
import { trainer } from "../engine/client.ts";
import { EXPORT_FORMATS, type ExportedFile, type ExportFormat } from "../engine/protocol.ts";
import { texts } from "../i18n/i18n.ts";
import type { ModelEntry } from "../state/models.ts";
import { fail, say } from "../state/notices.ts";
import { Icon } from "./icons.tsx";

interface TakeAwayProps {
  readonly entry: ModelEntry;
  /** False for compiled recognisers, which are what they are. */
  readonly isOpen: boolean;
}

export function TakeAway({ entry, isOpen }: TakeAwayProps) {
  const t = texts.value.away;
  const [busy, setBusy] = useState<ExportFormat>();
  const save = async (format: ExportFormat): Promise<void> => {
    setBusy(format);
    try {
      const files = await trainer.export(await entry.bytes(), format, fileName(entry.name));
      for (const file of files) download(file);
      say(t.done(files.map(({ name }) => name).join(", ")));
    } catch (error) {
      fail(error);
    } finally {
      setBusy(undefined);
    }
  };
  if (!isOpen) return <p class="soft">{t.compiled}</p>;
  return (
    <ul class="away">
      {EXPORT_FORMATS.map((format) => (
        <li key={format}>
          <button
            type="button"
            onClick={() => void save(format)}
            disabled={busy !== undefined}
            aria-busy={busy === format}
          >
            <Icon name="save" />
            {t.formats[format].name}
          </button>
          <span class="soft">{t.formats[format].hint}</span>
        </li>
      ))}
    </ul>
  );
}

/** Of the letters and digits of any script, so that it is a file name everywhere. */
const fileName = (name: string): string => name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "model";

function download({ name, bytes }: ExportedFile): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  link.download = name;
  link.click();
  // The browser has the file by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
