// Turns the server's JSON into the options of the browser's functions. Invalid options end the ceremony before the browser is asked.

import { decode, encode } from './base64url.js';
import { End } from './codes.js';
import { plain } from './plain.js';
import { describe, fail } from './failure.js';

type Json = Record<string, any>;

const invalid = (name: string) => fail(End.Options, `${name} is missing or not valid.`);

/** The text in its canonical form: base64url without padding. */
function binary(value: any, name: string): string {
  try {
    return encode(decode(value)) || invalid(name);
  } catch {
    return invalid(name); // Neither text nor base64.
  }
}

/** The entry with its `id` in canonical form. */
const checked = (entry: Json, name: string) => ({ ...entry, id: binary(entry?.['id'], `${name}.id`) });

const decoded = (entry: Json) => ({ ...entry, id: decode(entry['id']) });

/** Brings the options into canonical form. The browser parses them if it has the parser, otherwise this function does. */
function parse(options: any, list: string, parser: string, complete?: (json: Json) => void): any {
  const json = plain(options);
  if (Object(json) !== json) invalid('The options object');
  json.challenge = binary(json.challenge, 'challenge');
  const entries = json[list] || [];
  if (!Array.isArray(entries)) invalid(list);
  json[list] = entries.map((entry: Json, index: number) => ({
    type: 'public-key',
    ...checked(entry, `${list}[${index}]`),
  }));
  if (complete) complete(json);
  const browser = PublicKeyCredential as any;
  try {
    if (browser[parser]) return browser[parser](json);
  } catch (error) {
    fail(End.Options, describe(error));
  }
  return {
    ...json,
    challenge: decode(json.challenge),
    user: json.user && decoded(json.user),
    [list]: json[list].map(decoded),
    extensions: options.extensions, // As they came: which members are bytes depends on the extension.
  };
}

/** The options for `navigator.credentials.create()`. */
export const creationOptions = (options: unknown): PublicKeyCredentialCreationOptions =>
  parse(options, 'excludeCredentials', 'parseCreationOptionsFromJSON', (json) => {
    const { rp, user, pubKeyCredParams } = json;
    json['user'] = checked(user, 'user');
    if (!rp || !Array.isArray(pubKeyCredParams)) invalid('rp or pubKeyCredParams');
  });

/** The options for `navigator.credentials.get()`. Autofill offers every passkey of the Relying Party. */
export const requestOptions = (options: unknown, autofill: boolean): PublicKeyCredentialRequestOptions =>
  parse(options, 'allowCredentials', 'parseRequestOptionsFromJSON', (json) => {
    if (autofill) json['allowCredentials'] = [];
  });
