/** The formats in which a model leaves the page, each a button that saves a file. */
import { useState } from "preact/hooks";
import { trainer } from "../engine/client.ts";
import type { ExportFormat, ModelCard } from "../engine/protocol.ts";
import { texts } from "../i18n/i18n.ts";
import type { ModelEntry } from "../state/models.ts";
import { fail, say } from "../state/notices.ts";
import { formatsOf, readsOf } from "../task/kinds.ts";
import { download, fileName } from "./download.ts";
import { Icon } from "./icons.tsx";

interface TakeAwayProps {
  readonly entry: ModelEntry;
  /** Of the model; compiled recognizers are what they are. */
  readonly card: ModelCard;
}

export function TakeAway({ entry, card }: TakeAwayProps) {
  const t = texts.value.away;
  const [busy, setBusy] = useState<ExportFormat>();
  const save = async (format: ExportFormat): Promise<void> => {
    setBusy(format);
    try {
      const files = await trainer.export(await entry.bytes(), format, fileName(entry.name));
      for (const { name, bytes } of files) download(name, new Blob([bytes as Uint8Array<ArrayBuffer>]));
      say(t.done(files.map(({ name }) => name).join(", ")));
    } catch (error) {
      fail(error);
    } finally {
      setBusy(undefined);
    }
  };
  const lines: Partial<Record<ExportFormat, string>> = readsOf(card) === "line" ? t.linesHints : {};
  if (!card.isOpen) return <p class="soft">{t.compiled}</p>;
  return (
    <ul class="away">
      {formatsOf(card).map((format) => (
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
          <span class="soft">{lines[format] ?? t.formats[format].hint}</span>
        </li>
      ))}
    </ul>
  );
}
