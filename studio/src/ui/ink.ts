/**
 * What is written on a pad: strokes in the order in which they were made, as points in parts of the pad's shorter side,
 * so that they can be drawn at any size. A pen that feels pressure writes thick and thin.
 */
import { signal } from "@preact/signals";

export interface InkPoint {
  /** From the middle of the pad. */
  readonly x: number;
  readonly y: number;
  /** 1 for a mouse or a finger. */
  readonly weight: number;
}

export type Stroke = readonly InkPoint[];

/** Width of the pen: that of the digits that networks learn from. */
const PEN = 0.075;
/** The shorter side of what is read: like a scan. */
const SCAN = 256;

export interface InkColors {
  readonly ink: string;
  /** Left out: the ground stays clear. */
  readonly paper?: string | undefined;
}

export class Ink {
  /** Counts changes; read it to be told of them. */
  readonly version = signal(0);
  #strokes: InkPoint[][] = [];
  #isDown = false;
  /** A picture in place of strokes. */
  #picture: ImageData | undefined;

  get strokes(): readonly Stroke[] {
    return this.#strokes;
  }

  get picture(): ImageData | undefined {
    return this.#picture;
  }

  get isEmpty(): boolean {
    return this.#strokes.length === 0 && this.#picture === undefined;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  down(point: InkPoint): void {
    this.#picture = undefined;
    this.#strokes.push([point]);
    this.#isDown = true;
    this.version.value++;
  }

  move(points: readonly InkPoint[]): void {
    if (!this.#isDown) return;
    this.#strokes[this.#strokes.length - 1].push(...points);
    this.version.value++;
  }

  up(): void {
    this.#isDown = false;
    this.version.value++;
  }

  /** Takes the last stroke back, or the picture. */
  undo(): void {
    this.#strokes.pop();
    this.#picture = undefined;
    this.up();
  }

  clear(): void {
    this.#strokes = [];
    this.#picture = undefined;
    this.up();
  }

  show(picture: ImageData): void {
    this.#strokes = [];
    this.#picture = picture;
    this.up();
  }

  /** What is on the pad as it is read: black on white, square; or the picture itself. */
  pixels(): ImageData {
    if (this.#picture !== undefined) return this.#picture;
    return this.#scan().getImageData(0, 0, SCAN, SCAN);
  }

  /** The same as a file. */
  async png(): Promise<Blob> {
    const picture = this.#picture;
    if (picture === undefined) return toPng(this.#scan().canvas);
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    canvas.getContext("2d")?.putImageData(picture, 0, 0);
    return toPng(canvas);
  }

  #scan(): OffscreenCanvasRenderingContext2D {
    const context = new OffscreenCanvas(SCAN, SCAN).getContext("2d", { willReadFrequently: true });
    if (context === null) throw new Error("the browser gives no canvas to draw on");
    paintStrokes(context, this.#strokes, { ink: "#000", paper: "#fff" });
    return context;
  }
}

const toPng = (canvas: OffscreenCanvas): Promise<Blob> => canvas.convertToBlob({ type: "image/png" });

/** Draws strokes over the whole canvas. */
export function paintStrokes(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  strokes: readonly Stroke[],
  { ink, paper }: InkColors,
): void {
  const { width, height } = context.canvas;
  const side = Math.min(width, height);
  context.clearRect(0, 0, width, height);
  if (paper !== undefined) {
    context.fillStyle = paper;
    context.fillRect(0, 0, width, height);
  }
  context.strokeStyle = ink;
  context.lineCap = context.lineJoin = "round";
  const x = (point: { x: number }): number => width / 2 + point.x * side;
  const y = (point: { y: number }): number => height / 2 + point.y * side;
  for (const stroke of strokes) {
    // Curves through the middles between points: a hand does not move in corners. Each piece has the weight of its point;
    // pieces of one weight are one path, without seams.
    let from: InkPoint = stroke[0];
    for (const [i, point] of stroke.entries()) {
      const next = stroke[i + 1];
      const to = next === undefined ? point : middle(point, next);
      if (i === 0 || point.weight !== stroke[i - 1].weight) {
        context.beginPath();
        context.moveTo(x(from), y(from));
      }
      context.quadraticCurveTo(x(point), y(point), x(to), y(to));
      from = to;
      if (point.weight === next?.weight) continue;
      context.lineWidth = PEN * side * point.weight;
      context.stroke();
    }
  }
}

const middle = (a: InkPoint, b: InkPoint): InkPoint => ({
  x: (a.x + b.x) / 2,
  y: (a.y + b.y) / 2,
  weight: (a.weight + b.weight) / 2,
});
