/** What a log commits to: that its first `size` entries hash to `root` (32 bytes). RFC 6962 section 2.1. */
export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}
