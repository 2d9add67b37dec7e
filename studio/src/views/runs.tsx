/** Runs: what the command line has trained in its folder. Only where the page was opened by `ductus studio`. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { decimal, duration, percent, texts, whole } from "../i18n/i18n.ts";
import { openFile } from "../state/models.ts";
import { attempt } from "../state/notices.ts";
import { go } from "../state/route.ts";
import { type RunRecord, runsAddress } from "../state/runs.ts";
import { Icon } from "../ui/icons.tsx";
import { isNarrow } from "../ui/narrow.ts";

export function RunsView() {
  const t = texts.value.runs;
  const runs = useSignal<readonly RunRecord[] | "absent" | undefined>(undefined);
  useEffect(() => {
    const load = async (): Promise<void> => {
      const response = await fetch(`./${runsAddress}`);
      runs.value = response.ok ? ((await response.json()) as readonly RunRecord[]) : "absent";
    };
    load().catch(() => {
      runs.value = "absent";
    });
  }, []);
  const list = runs.value;
  return (
    <>
      <div class="title">
        <h1>{t.heading}</h1>
        <p class="lead">{t.lead}</p>
      </div>
      {list === "absent" ? (
        <p class="error" role="alert">
          {t.absent}
        </p>
      ) : list !== undefined && list.length === 0 ? (
        <p class="soft">{t.empty}</p>
      ) : (
        list !== undefined && (isNarrow.value ? <RunCards runs={list} /> : <RunTable runs={list} />)
      )}
    </>
  );
}

function RunTable({ runs }: { readonly runs: readonly RunRecord[] }) {
  const t = texts.value.runs;
  return (
    <div class="scroll">
      <table class="runs">
        <thead>
          <tr>
            <th scope="col">{t.columns.run}</th>
            <th scope="col">{t.columns.status}</th>
            <th scope="col">{t.columns.data}</th>
            <th scope="col">{t.columns.model}</th>
            <th scope="col" class="number">
              {t.columns.test}
            </th>
            <th scope="col" class="number">
              {t.columns.epochs}
            </th>
            <th scope="col" class="number">
              {t.columns.time}
            </th>
            <td />
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow key={run.name} run={run} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RunProps {
  readonly run: RunRecord;
}

function RunRow({ run }: RunProps) {
  const { name, data, model, epochs, seconds } = run;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        <Status run={run} />
      </td>
      <td>{data}</td>
      <td>{model}</td>
      <td class="number">
        <TestValue run={run} />
      </td>
      <td class="number">{whole(epochs)}</td>
      <td class="number">{seconds === undefined ? "" : duration(seconds)}</td>
      <td>
        <div class="row">
          <RunButtons run={run} />
        </div>
      </td>
    </tr>
  );
}

/** The same where a table would be cut off. */
function RunCards({ runs }: { readonly runs: readonly RunRecord[] }) {
  const t = texts.value.runs;
  return (
    <ul class="run-cards">
      {runs.map((run) => {
        const { name, data, model, epochs, seconds } = run;
        const facts: readonly (readonly [string, ComponentChildren])[] = [
          [t.columns.status, <Status key="status" run={run} />],
          [t.columns.test, <TestValue key="test" run={run} />],
          [t.columns.data, data ?? "–"],
          [t.columns.model, model ?? "–"],
          [t.columns.epochs, whole(epochs)],
          ...(seconds === undefined ? [] : [[t.columns.time, duration(seconds)] as const]),
        ];
        return (
          <li key={name}>
            <h2>{name}</h2>
            <dl class="facts">
              {facts.map(([label, value]) => (
                <div key={label}>
                  <dt>{label}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
            <div class="row wrap">
              <RunButtons run={run} />
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function Status({ run: { status, reason } }: RunProps) {
  const isWrong = status === "diverged" || status === "failed";
  return (
    <span class={isWrong ? "error" : ""} title={reason}>
      {texts.value.runs.status[status]}
    </span>
  );
}

/** How measures are written beside their name; accuracy needs none. */
const VALUES: Readonly<Record<string, (value: number) => string>> = {
  accuracy: percent,
  symbolErrorRate: (value) => `${texts.value.runs.measures.symbolErrorRate} ${percent(value)}`,
  perplexity: (value) => `${texts.value.runs.measures.perplexity} ${decimal(value)}`,
};

function TestValue({ run: { measure, value } }: RunProps) {
  if (value === undefined) return <span class="soft">–</span>;
  const write = Object.hasOwn(VALUES, measure) ? VALUES[measure] : (number: number) => `${measure} ${decimal(number)}`;
  return <span class="of-test">{write(value)}</span>;
}

const MODEL_FILES = ["best.safetensors", "last.safetensors"];

function RunButtons({ run: { name, files, hasReport } }: RunProps) {
  const t = texts.value.runs;
  const place = `./${runsAddress}/${encodeURIComponent(name)}`;
  const file = MODEL_FILES.find((each) => files.includes(each));
  const open = async (): Promise<void> => {
    const response = await fetch(`${place}/${file}`);
    if (!response.ok) throw new Error(t.absent);
    await openFile(new Uint8Array(await response.arrayBuffer()), `${name}.safetensors`);
    await go("draw");
  };
  return (
    <>
      {file !== undefined && (
        <button type="button" class="small" aria-label={t.openModel(name)} onClick={() => attempt(open)}>
          <Icon name="open" />
          {t.open}
        </button>
      )}
      {hasReport && (
        <a
          class="button small"
          href={`${place}/report.html`}
          target="_blank"
          rel="noopener"
          aria-label={t.openReport(name)}
        >
          {t.report}
        </a>
      )}
    </>
  );
}
