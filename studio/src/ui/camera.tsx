/** Photographs samples of one class, or pages, several in a row: with the camera of the browser, or a phone's own application. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { texts, whole } from "../i18n/i18n.ts";
import { attempt } from "../state/notices.ts";
import { Dialog } from "./dialog.tsx";
import { FileButton } from "./file-button.tsx";
import { Icon } from "./icons.tsx";
import { IMAGE_TYPES, pngOf } from "./pictures.ts";

interface CameraProps {
  readonly heading: string;
  readonly hint: string;
  readonly shot: keyof typeof SHOTS;
  onPictures(pictures: readonly Blob[]): void;
  onClose(): void;
}

interface Shot {
  /** What is asked of the camera. */
  readonly video: MediaTrackConstraints;
  take(video: HTMLVideoElement): OffscreenCanvas;
  readonly type: string;
  /** A picture of the phone's application, as it is kept. @throws Error of one line when it is none */
  keep(file: File): Promise<Blob>;
}

const FACING = { facingMode: "environment" };
/** Pixels of the square that is taken of a sign. */
const SIDE = 320;

/** What is photographed: a sign in the middle square, or all of a page. */
const SHOTS = {
  sign: {
    video: FACING,
    take: (video) => {
      const side = Math.min(video.videoWidth, video.videoHeight);
      const canvas = new OffscreenCanvas(SIDE, SIDE);
      const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
      canvas.getContext("2d")?.drawImage(video, left, top, side, side, 0, 0, SIDE, SIDE);
      return canvas;
    },
    type: "image/png",
    keep: (file) => pngOf(file, file.name),
  },
  page: {
    video: { ...FACING, width: { ideal: 4096 }, height: { ideal: 3072 } },
    take: (video) => {
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      canvas.getContext("2d")?.drawImage(video, 0, 0);
      return canvas;
    },
    type: "image/jpeg",
    keep: (file) => Promise.resolve(file),
  },
} as const satisfies Record<string, Shot>;

type CameraState = "starting" | "ready" | "denied" | "none";

export function Camera({ heading, hint, shot, onPictures, onClose }: CameraProps) {
  const { video: wanted, take: draw, type, keep }: Shot = SHOTS[shot];
  const t = texts.value.camera;
  const video = useRef<HTMLVideoElement>(null);
  const state = useSignal<CameraState>("starting");
  const taken = useSignal(0);

  useEffect(() => {
    let isOver = false;
    let stream: MediaStream | undefined;
    const end = (): void => stream?.getTracks().forEach((track) => void track.stop());
    const start = async (): Promise<void> => {
      // Outside of a secure context there are no media devices at all.
      if ((navigator.mediaDevices as MediaDevices | undefined) === undefined) throw new Error("no camera");
      stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
      if (isOver || video.current === null) return end();
      video.current.srcObject = stream;
      await video.current.play();
      state.value = "ready";
    };
    start().catch((error: unknown) => {
      if (!isOver) state.value = error instanceof DOMException && error.name === "NotAllowedError" ? "denied" : "none";
    });
    return () => {
      isOver = true;
      end();
    };
  }, []);

  const count = (pictures: readonly Blob[]): void => {
    onPictures(pictures);
    taken.value += pictures.length;
  };
  const take = async (): Promise<void> => {
    const source = video.current;
    if (source === null) return;
    // High, as the edges of strokes are what is read.
    count([await draw(source).convertToBlob({ type, quality: 0.95 })]);
  };

  return (
    <Dialog title={heading} class={`camera of-${shot}`} onClose={onClose}>
      <p class="soft">{hint}</p>
      {state.value === "denied" || state.value === "none" ? (
        <p class="error" role="alert">
          {t[state.value]}
        </p>
      ) : (
        <div class="frame">
          <video ref={video} playsInline muted aria-label={t.video} />
          {state.value === "starting" && <p class="soft">{t.starting}</p>}
        </div>
      )}
      <div class="row wrap">
        <button type="button" class="primary" disabled={state.value !== "ready"} onClick={() => attempt(take)}>
          <Icon name="camera" />
          {t.take}
        </button>
        <FileButton
          accept={IMAGE_TYPES}
          isMultiple
          isCamera
          label={t.phone}
          icon="picture"
          onFiles={(files) => attempt(async () => count(await Promise.all(files.map(keep))))}
        />
      </div>
      <p class="soft" aria-live="polite">
        {taken.value > 0 && t.taken(whole(taken.value))}
      </p>
    </Dialog>
  );
}
