/**
 * Gathers requests and answers them together.
 *
 * One batch is under way at a time; what comes meanwhile makes up the next one. Alone, a request goes at once: after the code
 * that made it has come to rest, so that all that is asked for in one turn shares a batch.
 */
import type { Clock } from "../clock.ts";

interface Entry<Request, Answer> {
  request: Request;
  settle: (answer: Answer) => void;
  fail: (error: unknown) => void;
}

export class Batch<Request, Answer> {
  readonly #clock: Clock;
  readonly #maxSize: number;
  /** Answers in the order of the requests; when it rejects, so does each of them. */
  readonly #answer: (requests: Request[]) => Promise<Answer[]>;
  #queue: Entry<Request, Answer>[] = [];
  #isRunning = false;

  constructor(clock: Clock, maxSize: number, answer: (requests: Request[]) => Promise<Answer[]>) {
    this.#clock = clock;
    this.#maxSize = maxSize;
    this.#answer = answer;
  }

  ask(request: Request): Promise<Answer> {
    return new Promise((settle, fail) => this.submit(request, settle, fail));
  }

  /** As `ask`, without a promise: one of the two is called, once. */
  submit(request: Request, settle: (answer: Answer) => void, fail: (error: unknown) => void): void {
    this.#queue.push({ request, settle, fail });
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    await this.#clock.rest();
    while (this.#queue.length > 0) {
      const entries = this.#queue.splice(0, this.#maxSize);
      try {
        const answers = await this.#answer(entries.map((entry) => entry.request));
        entries.forEach((entry, index) => entry.settle(answers[index]!));
      } catch (error) {
        for (const entry of entries) entry.fail(error);
      }
    }
    this.#isRunning = false;
  }
}
