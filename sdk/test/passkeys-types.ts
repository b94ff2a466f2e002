// Checks the types of a page that uses passkeys.mjs, the element and the hooks. Nothing here runs.

import type { PasskeyButton } from '../dist/types/element.js';
import {
  abort, autofill, capabilities, configure, PasskeyError, post, reauthenticate, register, signal, signIn, upgrade,
} from '../dist/types/passkeys/index.js';
import type { Answer, Reason, Signals } from '../dist/types/passkeys/index.js';
import { reporter, type Reporter } from '../dist/types/events.js';
import { mayPrompt, notNow } from '../dist/types/prompt.js';
import { useAutofill, useCapabilities, usePasskeys } from '../dist/types/react.js';

configure({ backEnd: '/pk', routes: { signIn: 'login' }, request: { credentials: 'include' }, onEvent: ({ phase, elapsed }) => void [phase, elapsed] });
// @ts-expect-error There is no such route.
configure({ routes: { login: 'x' } });

const text: Record<Reason, string> = {
  unsupported: '', cancelled: '', no_passkey: '', timeout: '', exists: '', rp_id: '', authenticator: '', aborted: '', replaced: '', options: '', refused: '',
  server: '', unknown: '',
};
try {
  const answer: Answer = await signIn({ name: 'ada' }, { immediate: true });
  const signals: Signals | null | undefined = answer.signals;
  void signals;
} catch (error) {
  if (error instanceof PasskeyError) void [text[error.reason], error.likely, error.elapsed, error.status, error.code];
}
const maybe: Answer | undefined = await autofill();
if (await mayPrompt(maybe?.signals?.prompt)) notNow();
void [maybe, await upgrade(), await register({}, { add: true }), await reauthenticate(), await post('passkeys/delete', { id: 'x' }), abort];
const { immediate }: { immediate: boolean } = await capabilities();
void [immediate, await signal.unknown({ rpId: 'example.test', credentialId: 'AAAA' })];

const button: PasskeyButton = document.createElement('passkey-button');
await button.start();

const { signIn: quiet, busy, error } = usePasskeys();
const found: Answer | undefined = await quiet({ name: 'ada' });
void [found, busy, error?.reason, useCapabilities()?.autofill];
useAutofill((answer) => void answer, { enabled: true });

const events: Reporter = reporter('https://login.example.test');
configure({ onEvent: events.onEvent });
events.offered('signIn');
// @ts-expect-error There is no such operation.
events.fallback('login');
