/** The few icons of the page, drawn with one pen on a grid of 20. */
const PATHS = {
  draw: "M3 15c4-1 3-9 7-9s1 10 7 7",
  pages: "M5 3h7l3.500 3.500V17H5zM8 8.500h2M8 11h4.500M8 13.500h3",
  train: "M3 4v13h14M6 13c2-7 5-8 11-8.500",
  make: "M4 4h5v5H4zM11.500 4h5v5h-5zM4 11.500h5v5H4zM14 11.500v5M11.500 14h5",
  runs: "M4 5h12M4 10h12M4 15h7",
  undo: "M7 4L3.500 7.500 7 11M4 7.500h7.500a4.250 4.250 0 010 8.500H8",
  clear: "M5 5l10 10M15 5L5 15",
  picture: "M3.500 4.500h13v11h-13zM3.500 13l4-4 3.500 3.500 2-2 3.500 3.500M13 7.500h.01",
  camera: "M3 6.500h3L7.500 4.500h5L14 6.500h3v9H3zM10 8.250a2.500 2.500 0 100 5 2.500 2.500 0 000-5",
  open: "M3 15.500v-11h5l1.500 2H17v9zM10 9v4.500M8 11l2-2 2 2",
  save: "M10 3.500v9M6.500 9l3.500 3.500L13.500 9M4 16.500h12",
  bin: "M4 6h12M8 6V4h4v2M5.500 6l.8 10.500h7.400L14.500 6",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  pause: "M7 4.500v11M13 4.500v11",
  play: "M6.500 4l9 6-9 6z",
  stop: "M5.500 5.500h9v9h-9z",
  back: "M12 4l-6 6 6 6",
  forth: "M8 4l6 6-6 6",
  check: "M4 10.500l4 4 8-9",
  fit: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  sun: "M10 6.500a3.500 3.500 0 100 7 3.500 3.500 0 000-7M10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100",
  moon: "M16 12A6.500 6.500 0 018 4a6.500 6.500 0 108 8z",
  system: "M3 4.500h14v9H3zM7 16.500h6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark of Ductus: one stroke. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 20" aria-hidden="true">
      <path pathLength="1" d="M2 16C12 14 9 3 16 3S17 19 30 12" />
    </svg>
  );
}
