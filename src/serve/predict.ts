/**
 * Ductus' own routes, `POST /models/NAME/predict` (once `/recognise`): pictures and texts as they are, as the body, in a form or
 * in JSON, and what the model makes of them.
 */
import type { HonoRequest } from "hono";
import type { JsonRecord } from "../formats/model-file.ts";
import { FORMAT } from "./answer-format.ts";
import { grouped } from "./batch.ts";
import { type App, infer, type Service } from "./context.ts";
import { type Form, isForm, type PictureFile } from "./forms.ts";
import { INPUT_VIEWS, type ReadFile } from "./inputs.ts";
import { checkCount } from "./intake.ts";
import { addModelRoute } from "./model-route.ts";
import { intakingOf } from "./pictures.ts";
import { MINIMUM, minimumOf, refusals } from "./refusal.ts";
import { answerTo, RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";
import { gather } from "./tf-serving.ts";

/** What a request asks for beside its samples. */
interface Wishes {
  /** Length of the ranking. */
  readonly top: number;
  /** The least probability that is answered; undefined: none was set. */
  readonly minimum: number | undefined;
}

export function addPredict(app: App, service: Service): void {
  for (const path of ["/models/:model/predict", "/recognise"]) {
    addModelRoute(app, service, {
      path,
      wants: "with a picture or text as the body",
      answer: (served, request, body) => predict(service, served, request, body),
    });
  }
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\b/i;

/** Whether a body is JSON by its type, or by its first character where no sample can begin so. */
export function isJsonBody({ intake }: ServedModel, type: string, body: Uint8Array): boolean {
  if (JSON_TYPE.test(type)) return true;
  return !isForm(type) && INPUT_VIEWS[intake.kind].isJson(body);
}

/**
 * What a model makes of a body: one sample, or a form or list with several.
 * @param request for its headers and query; the body was read from it
 * @throws RequestError for what is wrong with a lone sample, or with the request as a whole
 */
export async function predict(
  service: Service,
  served: ServedModel,
  request: HonoRequest,
  body: Uint8Array<ArrayBuffer>,
): Promise<object> {
  const { name: model, version } = served;
  const head = { format: FORMAT, model, version };
  if (isJsonBody(served, request.header("content-type") ?? "", body)) {
    const { rows, groups } = await gather(service, served, body, request, "answer");
    const wishes = {
      top: readTop(rows.top ?? request.query("top")),
      minimum: minimumOf(service, rows.minimum, request.query(MINIMUM)),
    };
    const { answers, verdicts } = await infer(service, served, groups);
    const refused = refusals(service, served, verdicts, wishes.minimum);
    const results = answers.map((answer, i) => shown(served, answer, wishes, refused?.[i]));
    return rows.isList ? { ...head, results } : { ...head, ...results[0] };
  }
  const { files, fields } = await readFiles(service, served, request, body);
  const wishes = {
    top: readTop(fields.get("top") ?? request.query("top")),
    minimum: minimumOf(service, fields.get(MINIMUM), request.query(MINIMUM)),
  };
  const readings = await readEach(service, served, request, files, wishes);
  if (files.length > 1) {
    const results = readings.map((reading, i) => {
      const { name: file } = files[i];
      if ("answer" in reading) return { file, ...reading.answer };
      const { status, message } = answerTo(reading.failure);
      return { file, status, error: message };
    });
    return { ...head, results };
  }
  const [reading] = readings;
  if ("failure" in reading) throw reading.failure;
  return { ...head, ...reading.answer };
}

function shown(
  { http }: ServedModel,
  answer: unknown,
  { top }: Wishes,
  refused: boolean | undefined,
  characters?: number,
): JsonRecord {
  const fields = http.shown(answer, { top, isRefused: refused === true, characters });
  return { ...fields, ...(refused !== undefined && { refused }) };
}

/** What each file is, or what is wrong with it. @throws whatever is not the fault of a file */
async function readEach(
  service: Service,
  served: ServedModel,
  request: HonoRequest,
  files: readonly PictureFile[],
  wishes: Wishes,
): Promise<readonly ({ readonly answer: JsonRecord } | { readonly failure: unknown })[]> {
  checkCount(served.intake, files.length);
  const intaking = intakingOf(service, served, request.raw);
  const failures = new Map<number, unknown>();
  const read: ReadFile[] = [];
  for (const [i, { bytes }] of files.entries()) {
    try {
      read.push(await INPUT_VIEWS[served.intake.kind].file(intaking, bytes));
    } catch (failure) {
      if (answerTo(failure).status === 500) throw failure;
      failures.set(i, failure);
    }
  }
  const answers: JsonRecord[] = [];
  if (read.length > 0) {
    const found = await infer(service, served, grouped(read.map(({ samples }) => samples)));
    const refused = refusals(service, served, found.verdicts, wishes.minimum);
    for (const [i, answer] of found.answers.entries()) {
      answers.push(shown(served, answer, wishes, refused?.[i], read[i].characters));
    }
  }
  let next = 0;
  return files.map((_, i) => (failures.has(i) ? { failure: failures.get(i) } : { answer: answers[next++] }));
}

function readTop(value: unknown = Number.MAX_SAFE_INTEGER): number {
  const top = typeof value === "string" ? Number(value) : value;
  if (typeof top !== "number" || !Number.isSafeInteger(top) || top < 1) {
    throw new RequestError(400, '"top" must be a whole number of at least 1');
  }
  return top;
}

/** The body itself, or what is in the form that it is. */
async function readFiles(
  { reading }: Service,
  { intake }: ServedModel,
  request: HonoRequest,
  body: Uint8Array<ArrayBuffer>,
): Promise<Form> {
  const type = request.header("content-type") ?? "";
  if (isForm(type)) return reading.do("form", { body, type, maxCount: intake.maxCount }, request.raw);
  if (body.length === 0) throw new RequestError(400, `the body is empty; send ${INPUT_VIEWS[intake.kind].takes}`);
  return { files: [{ field: "", name: "", bytes: body }], fields: new Map() };
}
