import manifest from '../../package.json' with { type: 'json' };

/** The agent's version, as in package.json; the build puts it into the bundle. */
export const AGENT_VERSION: string = manifest.version;
