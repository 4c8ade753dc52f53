import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import type { CommandContext } from './command-context.ts';

const DEFAULT_CONFIG_FILE = '/etc/kube-audit-agent/config.yaml';

/** Gives a command the option by which the configuration is found. */
export function withConfigOption(command: Command): Command {
  return command.option('--config <file>', 'configuration file', DEFAULT_CONFIG_FILE);
}

/** The configuration for a command. Rejects with a ConfigError. */
export function loadConfigFor(context: CommandContext, file: string): Promise<Config> {
  const { env, definitions, hostName } = context;
  return loadConfig({ file, env, definitions, hostName });
}
