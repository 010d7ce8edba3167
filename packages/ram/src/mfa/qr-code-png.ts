import { crc32, deflateSync } from "node:zlib";
import { encodeQR } from "qr";

/** Pixels of one module of the code, and modules of white around it (ISO/IEC 18004, section 9.1). */
const PIXELS = 4;
const QUIET_MODULES = 4;
const SIGNATURE = Buffer.from("89504e470d0a1a0a", "hex");
/** One bit a pixel, in shades of grey (PNG, section 11.2.2). */
const [BIT_DEPTH, GREYSCALE] = [1, 0];

/** A QR code of a text as a PNG image (PNG, third edition). */
export function qrCodePng(text: string): Buffer {
  const modules = encodeQR(text, "raw", { border: QUIET_MODULES });
  const size = modules.length * PIXELS;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.writeUInt8(BIT_DEPTH, 8);
  header.writeUInt8(GREYSCALE, 9);
  const rows = modules.flatMap((row) => Array.from({ length: PIXELS }, () => encodeRow(row)));
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A row of pixels, white where a bit is set, after the byte that says that it is not filtered. */
function encodeRow(modules: readonly boolean[]): Buffer {
  const row = Buffer.alloc(1 + Math.ceil((modules.length * PIXELS) / 8));
  for (let x = 0; x < modules.length * PIXELS; x++) {
    const isDark = modules[Math.floor(x / PIXELS)] === true;
    const at = 1 + (x >> 3);
    if (!isDark) row.writeUInt8(row.readUInt8(at) | (0x80 >> (x & 7)), at);
  }
  return row;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
