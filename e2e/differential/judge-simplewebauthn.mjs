// @simplewebauthn/server as a judge: cases of `passkeyd verify` in, one verdict per line out.
//
// A verdict is {"name", "verdict": "accepts" | "refuses" | "cannot", "message"}. "cannot" means that the library does not offer it,
// by its own lists of formats and algorithms and by what this Node.js supports. Only the label of a case decides that.
import { createInterface } from "node:readline";
import {
  SettingsService,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { COSEALG } from "@simplewebauthn/server/helpers";

const formats = ["none", "packed", "tpm", "android-key", "android-safetynet", "apple", "fido-u2f"];
const labels = new Set(["-", "packed-self", "packed-x5c", ...formats]);
const algorithms = new Set(Object.values(COSEALG).filter((number) => typeof number === "number"));
const postQuantum = new Set([-48, -49, -50]);
const hasPostQuantum = await SettingsService.runtimeSupportsPQC();

async function judge(case_) {
  if (!labels.has(case_.format)) return ["cannot", "no such format"];
  if (!algorithms.has(case_.key_algorithm)) return ["cannot", "no such algorithm"];
  if (postQuantum.has(case_.key_algorithm) && !hasPostQuantum) return ["cannot", "not in this Node.js"];
  // The clock is set to the time of the case.
  const moment = Date.parse(case_.at);
  Date.now = () => moment;
  const common = {
    response: case_.credential,
    expectedChallenge: case_.challenge,
    expectedOrigin: case_.origins,
    expectedRPID: case_.rp_id,
    requireUserVerification: case_.user_verification_required ?? false,
  };
  try {
    let outcome;
    if (case_.kind === "registration") {
      for (const identifier of formats) {
        SettingsService.setRootCertificates({ identifier, certificates: case_.trust_anchors ?? [] });
      }
      outcome = await verifyRegistrationResponse({
        ...common,
        requireUserPresence: !case_.conditional_create,
        supportedAlgorithmIDs: case_.algorithms,
      });
    } else {
      outcome = await verifyAuthenticationResponse({
        ...common,
        expectedTopOrigin: case_.allow_cross_origin ? case_.top_origins : undefined,
        credential: {
          id: case_.credential.id,
          publicKey: new Uint8Array(Buffer.from(case_.credential_public_key, "base64url")),
          counter: case_.stored_sign_count,
        },
      });
    }
    return outcome.verified ? ["accepts", ""] : ["refuses", "verified is false"];
  } catch (error) {
    return ["refuses", `${error?.name}: ${error?.message}`];
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const case_ = JSON.parse(line);
  const [verdict, message] = await judge(case_);
  process.stdout.write(`${JSON.stringify({ name: case_.name, verdict, message: message.slice(0, 200) })}\n`);
}
