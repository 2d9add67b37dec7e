/**
 * `POST /read` and `POST /models/NAME/read`: the numbers on a photographed page, or the fields of a form in it. The page is searched
 * and answers are made of what the network says as tasks (page-tasks.ts); its lines wait for the network among those of other requests.
 */
import type { HonoRequest } from "hono";
import { PICTURE_KINDS } from "../formats/picture-formats.ts";
import type { Line } from "../picture/line.ts";
import { type LineScores, scoresOf } from "../read/answering.ts";
import { type PageAnswer, pageJson } from "../read/answers.ts";
import type { LineInput } from "../task/line-input.ts";
import type { Transcribe } from "../task/transcribe/transcribe.ts";
import { FORMAT } from "./answer-format.ts";
import { grouped } from "./batch.ts";
import type { App, Service } from "./context.ts";
import { Deadline } from "./deadline.ts";
import { isForm, type PictureFile } from "./forms.ts";
import { checkCount } from "./intake.ts";
import { ofLine } from "./lines.ts";
import { addModelRoute } from "./model-route.ts";
import type { PageInput, SentForm } from "./page-tasks.ts";
import { admitted } from "./pictures.ts";
import { MINIMUM, minimumOf } from "./refusal.ts";
import type { Repository } from "./repository.ts";
import { RequestError } from "./request-error.ts";
import { readsPages, type ServedModel } from "./served-model.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Parts of a form with files: the picture of a blank form, and what is to be read on it. The photograph may be called anything else. */
const BLANK = "form";
const FIELDS = "fields";
/** How the command calls the minimum. */
const MINIMUM_OF_COMMAND = "min-probability";

export function addRead(app: App, service: Service): void {
  for (const path of ["/models/:model/read", "/read"]) {
    addModelRoute(app, service, {
      path,
      wants: "with the picture of a page as the body",
      find: (name) => readerIn(service.repository, name),
      answer: (served, request, body) => readPage(service, served, request, body),
    });
  }
}

/**
 * The model that reads the lines of a page; its name may be left out where there is one only.
 * @throws RequestError 404 where there is none, 400 where there are several
 */
function readerIn(repository: Repository, name: string | undefined): ServedModel {
  const found = name === undefined ? repository.models.filter(readsPages) : [repository.find(name)];
  const [served] = found;
  if (found.length > 1) {
    throw new RequestError(400, `say which model, as ?model=NAME: ${found.map((model) => model.name).join(", ")}`);
  }
  if (served !== undefined && readsPages(served)) return served;
  const what =
    served === undefined
      ? "no model in service reads lines of writing"
      : `"${served.name}" reads no lines of writing (its task is to ${served.task.kind})`;
  throw new RequestError(
    404,
    `${what}; serve one that does, such as the one that comes with Ductus: ductus serve reader`,
  );
}

/** What a request sends. */
interface Sent {
  readonly picture: Bytes;
  /** A form of its own. */
  readonly form?: Pick<SentForm, "picture" | "fields"> | undefined;
  /** Other fields by name. */
  readonly wishes: ReadonlyMap<string, string>;
}

/** What is on the page in a body: everything that `ductus read --json` says of one. */
async function readPage(service: Service, served: ServedModel, request: HonoRequest, body: Bytes): Promise<object> {
  const { timeout, maxPixels } = service.limits;
  const { picture, form, wishes } = await sentIn(service, served, request, body);
  const minimum = minimumOf(
    service,
    ...[MINIMUM, MINIMUM_OF_COMMAND].flatMap((name) => [wishes.get(name), request.query(name)]),
  );
  const photograph = admitted(picture, maxPixels);
  const blank = form && admitted(form.picture, maxPixels - photograph.pixels);
  const page: PageInput = {
    intake: served.intake,
    body: picture,
    form: form && blank ? { ...form, maxPixels: blank.maxPixels } : service.form,
    pixels: photograph.pixels + (blank?.pixels ?? 0),
    maxPixels: photograph.maxPixels,
  };
  const deadline = new Deadline(timeout, () => new RequestError(504, `no answer within ${timeout} ms`));
  try {
    const reading = readPlaces(service, served, page, minimum, { request: request.raw, deadline });
    const answer = await Promise.race([reading, deadline.over]);
    service.metrics.page(served, answer.numbers);
    return { format: FORMAT, model: served.name, version: served.version, ...pageJson(answer) };
  } finally {
    deadline.end();
  }
}

async function readPlaces(
  { reading }: Service,
  served: ServedModel,
  page: PageInput,
  minProbability: number | undefined,
  { request, deadline }: { readonly request: Request; readonly deadline: Deadline },
): Promise<PageAnswer> {
  const { lines, places, ...about } = await reading.do("page", page, request, deadline);
  // Nobody waits for it any more.
  if (deadline.reason !== undefined) throw deadline.reason;
  const written = lines.filter((line): line is Line => line !== undefined);
  const found = await scoresFor(served, written, deadline);
  let next = 0;
  const scores = lines.map((line) => (line === undefined ? undefined : found[next++]));
  const { names: alphabet } = served.intake;
  return {
    ...about,
    numbers: await reading.do("answers", { places, scores, alphabet, minProbability }, request, deadline),
  };
}

/** What the network says of each line. @throws RequestError 413 where they are too many, 503 where too many wait */
async function scoresFor(served: ServedModel, lines: readonly Line[], deadline: Deadline): Promise<LineScores[]> {
  const { intake, model } = served;
  const task = served.task as Transcribe;
  checkCount(intake, lines.length);
  const scores = new Array<LineScores>(lines.length);
  const groups = grouped(lines.map(({ pixels }) => ofLine(intake, task.input as LineInput, pixels)));
  await Promise.all(
    groups.map(async ({ samples, places }) => {
      const outputs = await served.outputs(samples, deadline);
      for (const [i, place] of places.entries()) {
        scores[place] = scoresOf(task, model.temperature, lines[place], outputs, i);
      }
    }),
  );
  return scores;
}

/** @throws RequestError 400 that says what is missing */
async function sentIn({ reading }: Service, { intake }: ServedModel, request: HonoRequest, body: Bytes): Promise<Sent> {
  const type = request.header("content-type") ?? "";
  if (body.length === 0) throw new RequestError(400, `the body is empty; send the picture of a page: ${PICTURE_KINDS}`);
  if (!isForm(type)) return { picture: body, wishes: new Map() };
  const { files, fields: wishes } = await reading.do("form", { body, type, maxCount: intake.maxCount }, request.raw);
  const file = (field: string): PictureFile | undefined => files.find((one) => one.field === field);
  const pictures = files.filter(({ field }) => field !== BLANK && field !== FIELDS);
  if (pictures.length !== 1) {
    throw new RequestError(400, `the form has ${pictures.length} pictures of a page; send one, as "picture"`);
  }
  const [{ bytes: picture }] = pictures;
  const blank = file(BLANK)?.bytes;
  const text = wishes.get(FIELDS);
  const fields = text === undefined ? file(FIELDS)?.bytes : new Uint8Array(new TextEncoder().encode(text));
  if (blank === undefined && fields === undefined) return { picture, wishes };
  if (fields === undefined)
    throw new RequestError(400, `"${BLANK}" came without "${FIELDS}", what is to be read on it`);
  if (blank === undefined)
    throw new RequestError(400, `"${FIELDS}" came without "${BLANK}", the picture of the blank form`);
  return { picture, form: { picture: blank, fields }, wishes };
}
