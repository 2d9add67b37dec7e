/** Photographs samples of one class, several in a row: with the camera of the browser, or a phone's own application. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { texts, whole } from "../i18n/i18n.ts";
import { attempt } from "../state/notices.ts";
import { Dialog } from "./dialog.tsx";
import { FileButton } from "./file-button.tsx";
import { Icon } from "./icons.tsx";
import { IMAGE_TYPES, pngOf } from "./pictures.ts";

interface CameraProps {
  readonly label: string;
  onPictures(pngs: readonly Blob[]): void;
  onClose(): void;
}

/** Pixels of the square that is taken. */
const SIDE = 320;

type CameraState = "starting" | "ready" | "denied" | "none";

export function Camera({ label, onPictures, onClose }: CameraProps) {
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
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
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

  const count = (pngs: readonly Blob[]): void => {
    onPictures(pngs);
    taken.value += pngs.length;
  };
  const take = async (): Promise<void> => {
    const source = video.current;
    if (source === null) return;
    const side = Math.min(source.videoWidth, source.videoHeight);
    const canvas = new OffscreenCanvas(SIDE, SIDE);
    const left = (source.videoWidth - side) / 2;
    const top = (source.videoHeight - side) / 2;
    canvas.getContext("2d")?.drawImage(source, left, top, side, side, 0, 0, SIDE, SIDE);
    count([await canvas.convertToBlob({ type: "image/png" })]);
  };

  return (
    <Dialog title={t.heading(label)} class="camera" onClose={onClose}>
      <p class="soft">{t.hint}</p>
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
          onFiles={(files) =>
            attempt(async () => count(await Promise.all(files.map((file) => pngOf(file, file.name)))))
          }
        />
      </div>
      <p class="soft" aria-live="polite">
        {taken.value > 0 && t.taken(whole(taken.value))}
      </p>
    </Dialog>
  );
}
