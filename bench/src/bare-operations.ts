import {
  constants,
  createCipheriv,
  createSecretKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
} from "node:crypto";

/** What OpenSSL alone takes: CPU time of each operation in a loop, in microseconds, printed as JSON by the operation's name. */

const LOOP_MILLIS = 250;
const WARM_UP_MILLIS = 50;

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const { privateKey: ec } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const digest = randomBytes(32);
const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
const ciphertext = publicEncrypt({ key: rsa.publicKey, ...oaep }, digest);
const aes = createSecretKey(randomBytes(32));

const operations: Readonly<Record<string, () => unknown>> = {
  "sign-rsa-2048": () => sign("sha256", digest, rsa.privateKey),
  "decrypt-rsa-2048": () => privateDecrypt({ key: rsa.privateKey, ...oaep }, ciphertext),
  "sign-p-256": () => sign("sha256", digest, ec),
  "sign-p-256-message": () => sign("sha256", digest, ec),
  "generate-data-key": () => {
    const cipher = createCipheriv("aes-256-gcm", aes, randomBytes(12));
    return [cipher.update(randomBytes(32)), cipher.final(), cipher.getAuthTag()];
  },
};

const micros = Object.entries(operations).map(([name, run]) => {
  repeat(run, WARM_UP_MILLIS);
  return [name, repeat(run, LOOP_MILLIS)];
});
console.log(JSON.stringify(Object.fromEntries(micros)));

/** @returns microseconds of CPU time for each. */
function repeat(run: () => unknown, millis: number): number {
  const before = process.cpuUsage();
  const until = performance.now() + millis;
  let count = 0;
  for (; performance.now() < until; count++) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}
