/** A drawing pad on a canvas: strokes by mouse, pen or finger, kept as lines so that they can be drawn again at any size. */

/** One stroke: points x, y in parts of the pad's shorter side, from its middle. */
type Stroke = { x: number; y: number }[];

/** Width of the pen, in parts of the pad's shorter side. */
const PEN = 0.075;

export class Pad {
  readonly #canvas: HTMLCanvasElement;
  readonly #changed: () => void;
  #strokes: Stroke[] = [];
  #drawing: Stroke | undefined;

  /** @param changed called whenever there is more or less ink */
  constructor(canvas: HTMLCanvasElement, changed: () => void) {
    this.#canvas = canvas;
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      this.#drawing = [this.#point(event)];
      this.#strokes.push(this.#drawing);
      this.#update();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.#drawing === undefined || !event.isPrimary) return;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length > 0 ? events : [event]) this.#drawing.push(this.#point(each));
      this.#update();
    });
    for (const type of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(type, (event) => {
        if (event.isPrimary) this.#drawing = undefined;
      });
    }
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  get isEmpty(): boolean {
    return this.#strokes.length === 0;
  }

  clear(): void {
    this.#strokes = [];
    this.#drawing = undefined;
    this.#update();
  }

  /** Takes the last stroke back. */
  undo(): void {
    this.#strokes.pop();
    this.#drawing = undefined;
    this.#update();
  }

  /** Fits the canvas to its place on the page and draws all strokes in the color of the text. */
  redraw(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.#canvas.height = Math.round(clientHeight * devicePixelRatio);
    this.#paint(this.#canvas, getComputedStyle(this.#canvas).color);
  }

  /** The drawing as pixels, black on white, with a shorter side of `size`. */
  pixels(size: number): ImageData {
    const { clientWidth, clientHeight } = this.#canvas;
    const scale = size / Math.min(clientWidth, clientHeight);
    const copy = document.createElement("canvas");
    copy.width = Math.round(clientWidth * scale);
    copy.height = Math.round(clientHeight * scale);
    const context = this.#paint(copy, "#000", "#fff");
    return context.getImageData(0, 0, copy.width, copy.height);
  }

  #update(): void {
    this.redraw();
    this.#changed();
  }

  #point(event: PointerEvent): { x: number; y: number } {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const side = Math.min(width, height);
    return { x: (event.clientX - left - width / 2) / side, y: (event.clientY - top - height / 2) / side };
  }

  #paint(canvas: HTMLCanvasElement, ink: string, paper?: string): CanvasRenderingContext2D {
    const context = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
    const { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    if (paper !== undefined) {
      context.fillStyle = paper;
      context.fillRect(0, 0, width, height);
    }
    const side = Math.min(width, height);
    const at = ({ x, y }: { x: number; y: number }): [number, number] => [width / 2 + x * side, height / 2 + y * side];
    context.strokeStyle = ink;
    context.lineWidth = PEN * side;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.#strokes) {
      context.beginPath();
      context.moveTo(...at(stroke[0]));
      // Curves through the middles between points: a hand does not move in corners.
      for (let i = 1; i < stroke.length - 1; i++) {
        const [a, b] = [stroke[i], stroke[i + 1]];
        context.quadraticCurveTo(...at(a), ...at({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }));
      }
      context.lineTo(...at(stroke[stroke.length - 1]));
      context.stroke();
    }
    return context;
  }
}
