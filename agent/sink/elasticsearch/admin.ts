import type { HttpClient } from '../bulk/http-client.ts';
import type { CheckFinding, SetupOutcome, SetupStep } from '../sink.ts';
import type { SinkAdmin } from '../definition.ts';
import type { ElasticsearchSettings } from './config.ts';
import { checkServer } from './check.ts';
import { runSetup } from './setup.ts';
import { setupPlan } from './setup-plan.ts';
import type { SetupPlan } from './setup-plan.ts';

export interface ElasticsearchAdminOptions {
  readonly client: HttpClient;
  readonly settings: ElasticsearchSettings;
  /** Whether the credentials are the sink's own and not ones given for this command. */
  readonly ownCredentials: boolean;
  readonly nowMs: () => number;
}

/** `sink setup` and `sink check` for Elasticsearch. */
export class ElasticsearchAdmin implements SinkAdmin {
  readonly #options: ElasticsearchAdminOptions;
  readonly #plan: SetupPlan;

  constructor(options: ElasticsearchAdminOptions) {
    this.#options = options;
    this.#plan = setupPlan(options.settings);
  }

  plan(): readonly SetupStep[] {
    const { template, dataStream, lifecycle } = this.#plan;
    return [template, dataStream, lifecycle];
  }

  async setup(signal: AbortSignal): Promise<readonly SetupOutcome[]> {
    return runSetup(this.#options.client, this.#plan, signal);
  }

  async check(signal: AbortSignal): Promise<readonly CheckFinding[]> {
    return checkServer({ ...this.#options, plan: this.#plan }, signal);
  }

  async close(): Promise<void> {
    await this.#options.client.close();
  }
}
