/** `data`, as Node has it: known data sets, files and folders. An entry point, so the one place that may re-export. */

export { AUGMENTATION_NAMES } from "../augment/augmentations.ts";
export { type MosaicOptions, mosaic } from "../augment/mosaic.ts";
export { PRESET_NAMES, resolveAugmentations } from "../augment/presets.ts";
export { describeData } from "../data/inspect.ts";
export { type ByteSource, StreamedDataset, type StreamedSource } from "../data/streamed.ts";
export { decodeImage, encodePng } from "../platform/node/images.ts";
export { openData as open, type StreamedData, streamData as openStream } from "../platform/node/open-data.ts";
export { fashionMnist, mnist, optdigits, usps } from "../platform/node/sources.ts";
export { type OpenStream, type StreamOptions, streamIdx as stream } from "../platform/node/streamed-idx.ts";
export { type OpenStringsOptions, openStrings, type StringsData } from "../platform/node/strings-data.ts";
export * from "./data-common.ts";
