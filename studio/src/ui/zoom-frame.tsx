/** A picture to look at closely: it scrolls where it is larger than its frame, zooms about a point, and is pulled by the mouse. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { pageTexts } from "../i18n/pages.ts";
import { useAddress } from "./blob-picture.tsx";
import { Icon } from "./icons.tsx";
import type { Box } from "./quads.ts";

/** How the mouse was pressed: a click may end a pull, or come from a finger. */
export interface Press {
  isByMouse: boolean;
  isPull: boolean;
}

interface ZoomFrameProps {
  readonly picture: Blob;
  readonly label: string;
  /** Pixels of the picture across; undefined while they are not known. */
  readonly width: number | undefined;
  /** What is to be in sight, in pixels of the picture, and large enough to be read. */
  readonly sight?: Box | undefined;
  /** Whether the mouse pulls the picture; default true. */
  readonly isPulled?: boolean | undefined;
  /** What lies over the picture, and is told how it was pressed. */
  children(press: { readonly current: Press }): ComponentChildren;
  /** It moved: what is shown beside the pointer is not there any more. */
  onMove?: (() => void) | undefined;
}

/** Widths of the frame that the picture may be wide, and what a press on a button makes of it. */
const LARGEST = 12;
const STEP = 1.5;
/** What is in sight is at least so high, in pixels of the screen. */
const LEGIBLE = 22;
/** A press that moves so many pixels is no click: it pulls. */
const PULL = 4;
/** By key: how many times larger; 0 is the whole width. */
const ZOOM_KEYS: Readonly<Record<string, number>> = { "+": STEP, "=": STEP, "-": 1 / STEP, "0": 0 };
const TOUCHES = ["touchstart", "touchmove", "touchend"] as const;

export function ZoomFrame({ picture, label, width, sight, isPulled = true, children, onMove }: ZoomFrameProps) {
  const t = pageTexts.value;
  const address = useAddress(picture);
  const frame = useRef<HTMLElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const press = useRef<Press>({ isByMouse: false, isPull: false });
  const zoom = useSignal(1);

  /** Makes the picture `next` frames wide; the place under the point of the window stays where it is. */
  const zoomTo = (next: number, at?: { readonly x: number; readonly y: number }): void => {
    const [view, whole] = [frame.current, stage.current];
    if (view === null || whole === null) return;
    const box = view.getBoundingClientRect();
    const [x, y] = at === undefined ? [box.width / 2, box.height / 2] : [at.x - box.left, at.y - box.top];
    const [u, v] = [(view.scrollLeft + x) / whole.offsetWidth, (view.scrollTop + y) / whole.offsetHeight];
    zoom.value = Math.min(LARGEST, Math.max(1, next));
    whole.style.width = `${100 * zoom.value}%`;
    view.scrollTo(u * whole.offsetWidth - x, v * whole.offsetHeight - y);
    onMove?.();
  };

  // Handlers of the view cannot keep the window from zooming itself.
  useEffect(() => {
    const view = frame.current;
    if (view === null) return;
    const onWheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomTo(zoom.value * Math.exp(-event.deltaY / 200), { x: event.clientX, y: event.clientY });
    };
    let pinch: { readonly distance: number; readonly zoom: number } | undefined;
    const onTouch = (event: TouchEvent): void => {
      if (event.touches.length !== 2) {
        pinch = undefined;
        return;
      }
      event.preventDefault();
      const [a, b] = event.touches;
      const distance = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      pinch ??= { distance, zoom: zoom.value };
      const middle = { x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2 };
      zoomTo((pinch.zoom * distance) / pinch.distance, middle);
    };
    view.addEventListener("wheel", onWheel, { passive: false });
    for (const kind of TOUCHES) view.addEventListener(kind, onTouch, { passive: false });
    return () => {
      view.removeEventListener("wheel", onWheel);
      for (const kind of TOUCHES) view.removeEventListener(kind, onTouch);
    };
  }, []);

  useEffect(() => {
    const [view, whole] = [frame.current, stage.current];
    if (view === null || whole === null || sight === undefined || width === undefined) return;
    const height = (sight.height * whole.offsetWidth) / width;
    if (height < LEGIBLE) zoomTo((zoom.value * LEGIBLE) / height);
    const scale = whole.offsetWidth / width;
    const [left, top] = [sight.left * scale, sight.top * scale];
    const isInSight =
      left >= view.scrollLeft &&
      left + sight.width * scale <= view.scrollLeft + view.clientWidth &&
      top >= view.scrollTop &&
      top + sight.height * scale <= view.scrollTop + view.clientHeight;
    if (isInSight) return;
    view.scrollTo(
      left + (sight.width * scale - view.clientWidth) / 2,
      top + (sight.height * scale - view.clientHeight) / 2,
    );
  }, [sight?.left, sight?.top, width]);

  const onPointerDown = (event: PointerEvent): void => {
    press.current = { isByMouse: event.pointerType === "mouse", isPull: false };
    if (!isPulled || event.pointerType !== "mouse" || event.button !== 0) return;
    let [x, y] = [event.clientX, event.clientY];
    const onPull = (moved: PointerEvent): void => {
      const [dx, dy] = [moved.clientX - x, moved.clientY - y];
      if (!press.current.isPull && Math.hypot(dx, dy) < PULL) return;
      press.current.isPull = true;
      [x, y] = [moved.clientX, moved.clientY];
      onMove?.();
      frame.current?.scrollBy(-dx, -dy);
    };
    addEventListener("pointermove", onPull);
    addEventListener("pointerup", () => removeEventListener("pointermove", onPull), { once: true });
  };

  return (
    <div class="page-picture">
      <section
        ref={frame}
        class={isPulled ? "page-frame" : "page-frame drawn"}
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        onPointerDown={onPointerDown}
        onScroll={onMove}
        onKeyDown={({ key, target }) => {
          const factor = target === frame.current ? ZOOM_KEYS[key] : undefined;
          if (factor !== undefined) zoomTo(factor === 0 ? 1 : zoom.value * factor);
        }}
      >
        <div ref={stage} class="stage">
          {address !== undefined && <img src={address} alt="" draggable={false} />}
          {children(press)}
        </div>
      </section>
      <div class="zoom">
        <ZoomButton icon="minus" label={t.farther} isOff={zoom.value <= 1} onPress={() => zoomTo(zoom.value / STEP)} />
        <ZoomButton
          icon="plus"
          label={t.closer}
          isOff={zoom.value >= LARGEST}
          onPress={() => zoomTo(zoom.value * STEP)}
        />
        <ZoomButton icon="fit" label={t.whole} isOff={zoom.value <= 1} onPress={() => zoomTo(1)} />
      </div>
    </div>
  );
}

interface ZoomButtonProps {
  readonly icon: "minus" | "plus" | "fit";
  readonly label: string;
  readonly isOff: boolean;
  onPress(): void;
}

const ZoomButton = ({ icon, label, isOff, onPress }: ZoomButtonProps) => (
  <button type="button" class="icon-button" aria-label={label} title={label} disabled={isOff} onClick={onPress}>
    <Icon name={icon} />
  </button>
);
