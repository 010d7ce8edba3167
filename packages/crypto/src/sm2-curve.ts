import { weierstrass } from "@noble/curves/abstract/weierstrass.js";

/** What keys and ephemeral keys are written with: OpenSSL's name, object identifier 1.2.156.10197.1.301, 32 bytes. */
export const SM2_CURVE = { openssl: "SM2", oid: Buffer.from("2a811ccf5501822d", "hex"), bytes: 32 } as const;

/** The recommended curve of SM2 (GB/T 32918.5-2017, section 4; sm2p256v1). */
const PARAMETERS = {
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  h: 1n,
  Gx: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  Gy: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
} as const;

/** Points of the SM2 curve. */
export const Sm2Point = weierstrass(PARAMETERS);

export type Sm2Point = InstanceType<typeof Sm2Point>;

/** a ‖ b ‖ xG ‖ yG, which the digest of a signature begins with (GB/T 32918.2-2016, section 5.5). */
export const SM2_PARAMETER_BYTES = Buffer.concat(
  [PARAMETERS.a, PARAMETERS.b, PARAMETERS.Gx, PARAMETERS.Gy].map((number) => Sm2Point.Fp.toBytes(number)),
);
