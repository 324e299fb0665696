/** @typedef {import('../status.ts').Status} Status */

/** Between two questions, in milliseconds; twice that where there was no answer. */
const INTERVAL = 1000;
/** For an answer, in milliseconds. */
const PATIENCE = 5000;
/** Where the token is kept: until the tab is closed. */
const KEY = 'sallyport-token';

/**
 * Asks for the status each second, while somebody looks.
 * @param {object} events
 * @param {(status: Status) => void} events.told
 * @param {(since: number) => void} events.lost no answer since that time
 * @param {(wrong: boolean) => void} events.asked for a token
 */
export function keepContact({ told, lost, asked }) {
  let lastSample = 0;
  let lastAnswer = Date.now();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function ask() {
    clearTimeout(timer);
    if (document.hidden) return;
    let pause = INTERVAL;
    try {
      const status = await statusAfter(lastSample);
      if (status === undefined) {
        asked(sessionStorage.getItem(KEY) !== null);
        return;
      }
      lastAnswer = Date.now();
      lastSample = status.samples.at(-1)?.at ?? lastSample;
      told(status);
    } catch {
      pause = 2 * INTERVAL;
      lost(lastAnswer);
    }
    timer = setTimeout(ask, pause);
  }

  document.addEventListener('visibilitychange', ask);
  void ask();
  return {
    /** @param {string} token */
    show(token) {
      sessionStorage.setItem(KEY, token);
      void ask();
    },
  };
}

/**
 * `undefined` where a token is needed, or another one.
 * @param {number} since
 * @returns {Promise<Status | undefined>}
 */
async function statusAfter(since) {
  const token = sessionStorage.getItem(KEY);
  const response = await fetch(`status.json?since=${since}`, {
    headers: token === null ? {} : { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (response.status === 401) return undefined;
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}
