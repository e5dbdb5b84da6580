/** One value of DER (X.690): primitive with its bytes, or constructed with what is in it. */
export interface DerNode {
  tag: number;
  content: Buffer | DerNode[];
  /** Writes the length in more bytes than it needs. */
  long?: boolean;
}

/** Reads bytes as far as they are DER; whatever does not read as constructed is kept as bytes. Undefined where nothing is DER. */
export function readTree(bytes: Buffer): DerNode[] | undefined {
  const nodes: DerNode[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const first = bytes[at + 1] ?? 0x80;
    const size = first < 0x80 ? 0 : first & 0x7f;
    if ((tag & 0x1f) === 0x1f || first === 0x80 || size > 3 || at + 2 + size > bytes.length) return undefined;
    const length = size === 0 ? first : bytes.readUIntBE(at + 2, size);
    const start = at + 2 + size;
    if (start + length > bytes.length) return undefined;
    nodes.push({ tag, content: contentOf(tag, bytes.subarray(start, start + length)) });
    at = start + length;
  }
  return nodes.length === 0 ? undefined : nodes;
}

/** An OCTET STRING often holds DER too (extensions, the content of a token). */
function contentOf(tag: number, content: Buffer): Buffer | DerNode[] {
  const nested = (tag & 0x20) !== 0 || (tag === 0x04 && content.length > 4) ? readTree(content) : undefined;
  return nested ?? content;
}

/** The bytes of these values, one after the other, with lengths that fit. */
export function writeTree(nodes: readonly DerNode[]): Buffer {
  return Buffer.concat(nodes.map(writeNode));
}

function writeNode({ tag, content, long = false }: DerNode): Buffer {
  const body = Buffer.isBuffer(content) ? content : writeTree(content);
  const size = body.length < 0x80 && !long ? 0 : body.length < 0x100 && !long ? 1 : body.length < 0x1_00_00 && !(long && body.length >= 0x100) ? 2 : 3;
  const head = Buffer.alloc(2 + size);
  head[0] = tag;
  if (size === 0) head[1] = body.length;
  else {
    head[1] = 0x80 | size;
    head.writeUIntBE(body.length, 2, size);
  }
  return Buffer.concat([head, body]);
}

/** Every value in the tree with the list that holds it, outermost first. */
export function placesOf(nodes: DerNode[]): { list: DerNode[]; index: number }[] {
  return nodes.flatMap((node, index) => [{ list: nodes, index }, ...(Buffer.isBuffer(node.content) ? [] : placesOf(node.content))]);
}
