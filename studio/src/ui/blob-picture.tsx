/** A picture that is kept as a file, shown. */
import { useEffect, useState } from "preact/hooks";

/** The address of a file in the page, while it is shown; undefined before it is. */
export function useAddress(blob: Blob): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}

export function BlobPicture({ blob, alt }: { readonly blob: Blob; readonly alt: string }) {
  const url = useAddress(blob);
  return url === undefined ? <span class="blank" /> : <img src={url} alt={alt} draggable={false} />;
}
