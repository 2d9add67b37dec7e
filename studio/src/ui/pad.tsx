/**
 * The pad: paper with the rulings of a copybook, on which a finger, a pen, the mouse or the arrow keys write. The beginning
 * of each stroke is numbered, as palaeographers note a letter's ductus; the numbers are not part of what is read.
 */
import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { texts } from "../i18n/i18n.ts";
import { announce } from "../state/notices.ts";
import { dark } from "../state/theme.ts";
import { FileButton } from "./file-button.tsx";
import { Icon } from "./icons.tsx";
import { type Ink, type InkPoint, paintStrokes } from "./ink.ts";
import { IMAGE_TYPES } from "./pictures.ts";

/** How far an arrow key moves the pen, in parts of the pad. */
const KEY_STEP = 1 / 28;
/** Of a pen that feels pressure: thinnest and thickest. */
const WEIGHTS = { from: 0.65, to: 1.3 };

const ARROWS: Readonly<Record<string, readonly [dx: number, dy: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface PadProps {
  readonly ink: Ink;
  /** What stands first among the tools. */
  readonly before?: ComponentChildren | undefined;
  /** A picture chosen in place of writing. */
  onPicture(file: File): void;
}

export function Pad({ ink, before, onPicture }: PadProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cursor, setCursor] = useState<{ readonly x: number; readonly y: number }>();
  const t = texts.value.pad;

  useSignalEffect(() => {
    ink.version.value;
    dark.value;
    if (canvas.current !== null) redraw(canvas.current, ink);
  });

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    redraw(element, ink);
    const observer = new ResizeObserver(() => redraw(element, ink));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ink]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || document.querySelector("dialog[open]") !== null || isTyping(event.target)) return;
      if (event.key === "Escape" && !ink.isEmpty) {
        ink.clear();
        announce(texts.value.pad.cleared);
      } else if (event.key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey) {
        if (ink.isEmpty) return;
        event.preventDefault();
        ink.undo();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [ink]);

  const onPointerDown = (event: PointerEvent): void => {
    if (!event.isPrimary || event.button !== 0) return;
    event.preventDefault();
    const target = event.currentTarget as HTMLCanvasElement;
    target.setPointerCapture(event.pointerId);
    // Keys are for the pad from now on, not for a field that has the focus.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    setCursor(undefined);
    ink.down(pointAt(event, target));
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (!ink.isDown || !event.isPrimary || cursor !== undefined) return;
    const target = event.currentTarget as HTMLCanvasElement;
    const events = event.getCoalescedEvents?.() ?? [];
    ink.move((events.length > 0 ? events : [event]).map((each) => pointAt(each, target)));
  };
  const onPointerUp = (event: PointerEvent): void => {
    if (event.isPrimary && ink.isDown) ink.up();
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const at = cursor ?? { x: 0, y: -0.3 };
    if (event.key === " ") {
      event.preventDefault();
      if (ink.isDown) ink.up();
      else ink.down({ ...at, weight: 1 });
      setCursor(at);
      announce(ink.isDown ? t.penDown : t.penUp);
      return;
    }
    const arrow = ARROWS[event.key];
    if (arrow === undefined) return;
    event.preventDefault();
    const [x, y] = [at.x + arrow[0] * KEY_STEP, at.y + arrow[1] * KEY_STEP].map((v) =>
      Math.min(0.5, Math.max(-0.5, v)),
    );
    ink.move([{ x, y, weight: 1 }]);
    setCursor({ x, y });
  };

  const isEmpty = ink.version.value >= 0 && ink.isEmpty;
  return (
    <section class="pad" aria-label={t.label}>
      <div class="sheet">
        <Rulings />
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: arrow keys and space write on it */}
        <canvas
          id="pad"
          ref={canvas}
          role="application"
          tabIndex={0}
          aria-label={t.label}
          aria-describedby="pad-keys"
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onPointerCancel={onPointerUp}
          onKeyDown={onKeyDown}
          onBlur={() => {
            if (cursor !== undefined && ink.isDown) ink.up();
            setCursor(undefined);
          }}
        />
        {isEmpty && cursor === undefined && (
          <p class="invitation" aria-hidden="true">
            {t.invitation}
          </p>
        )}
        {cursor !== undefined && (
          <i
            class={ink.isDown ? "pen down" : "pen"}
            aria-hidden="true"
            style={{ left: `${(cursor.x + 0.5) * 100}%`, top: `${(cursor.y + 0.5) * 100}%` }}
          />
        )}
      </div>
      <p id="pad-keys" class="hidden">
        {t.keys}
      </p>
      <div class="tools">
        {before}
        <button type="button" onClick={() => ink.undo()} disabled={isEmpty} aria-label={t.undo}>
          <Icon name="undo" />
          <span>{t.undo}</span>
        </button>
        <button
          type="button"
          disabled={isEmpty}
          aria-label={t.clear}
          onClick={() => {
            ink.clear();
            canvas.current?.focus({ preventScroll: true });
          }}
        >
          <Icon name="clear" />
          <span>{t.clear}</span>
        </button>
        <FileButton
          accept={IMAGE_TYPES}
          onFiles={([file]) => onPicture(file)}
          label={t.picture}
          title={t.picture}
          icon="picture"
        />
      </div>
    </section>
  );
}

/** A square with its middle lines and diagonals, as one learns Chinese characters on. */
export function Rulings() {
  return (
    <svg class="rulings" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
      <path d="M50 0V100M0 50H100M0 0L100 100M100 0L0 100" />
    </svg>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
}

function pointAt(event: PointerEvent, canvas: HTMLCanvasElement): InkPoint {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const side = Math.min(width, height);
  const { from, to } = WEIGHTS;
  return {
    x: (event.clientX - left - width / 2) / side,
    y: (event.clientY - top - height / 2) / side,
    weight: event.pointerType === "pen" && event.pressure > 0 ? from + (to - from) * event.pressure : 1,
  };
}

function redraw(canvas: HTMLCanvasElement, ink: Ink): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const { clientWidth, clientHeight } = canvas;
  canvas.width = Math.round(clientWidth * devicePixelRatio);
  canvas.height = Math.round(clientHeight * devicePixelRatio);
  const { picture } = ink;
  if (picture !== undefined) {
    paintPicture(context, picture);
    return;
  }
  const style = getComputedStyle(canvas);
  paintStrokes(context, ink.strokes, { ink: style.color });
  numberStrokes(context, ink, style.getPropertyValue("--soft"));
}

function numberStrokes(context: CanvasRenderingContext2D, ink: Ink, color: string): void {
  const { width, height } = context.canvas;
  const side = Math.min(width, height);
  context.font = `${Math.round(13 * devicePixelRatio)}px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = color;
  for (const [i, [start]] of ink.strokes.entries()) {
    context.fillText(`${i + 1}`, width / 2 + (start.x - 0.062) * side, height / 2 + (start.y - 0.055) * side);
  }
}

function paintPicture(context: CanvasRenderingContext2D, picture: ImageData): void {
  const { width, height } = context.canvas;
  const whole = new OffscreenCanvas(picture.width, picture.height);
  whole.getContext("2d")?.putImageData(picture, 0, 0);
  const scale = Math.min(width / picture.width, height / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  context.clearRect(0, 0, width, height);
  context.drawImage(whole, (width - w) / 2, (height - h) / 2, w, h);
}
