// The options in the answer of a back end.

import { decode } from '../base64url.js';
import { plain } from '../plain.js';

type Json = Record<string, any>;

/** The options, as the back end made them or as passkeyd gave them on any of its wires. */
export function optionsIn(answer: any): any {
  if (Object(answer) !== answer || answer.challenge) return answer;
  const { publicKey, options, enrollment, credentialCreationOptions, credentialRequestOptions } = answer;
  return optionsIn(publicKey || options || enrollment || credentialCreationOptions || credentialRequestOptions);
}

const decoded = (entry: Json) => ({ ...entry, id: decode(entry['id']) });

/** The options for the browser, which parses them if it has the parser. `any`: no passkey is named, so that the browser offers all. */
export function parse(given: unknown, creating: boolean, any: boolean): any {
  const json: Json = plain(given);
  const list = creating ? 'excludeCredentials' : 'allowCredentials';
  if (any && !creating) json[list] = [];
  const browser = PublicKeyCredential as any;
  const parser = creating ? 'parseCreationOptionsFromJSON' : 'parseRequestOptionsFromJSON';
  if (browser[parser]) return browser[parser](json);
  return {
    ...json,
    challenge: decode(json['challenge']),
    ...(creating && { user: decoded(json['user']) }),
    [list]: (json[list] || []).map(decoded),
  };
}
