import { isSystemError, LogError, type LogErrorCode, type SystemError } from '../errors.ts';

export function isMissing(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** The catalogue's error for what the file system answered. What is not the file system's is thrown on. */
export function toLogError(path: string, error: unknown): LogError {
  if (error instanceof LogError) return error;
  if (!isSystemError(error)) throw error;
  return new LogError(codeOf(error), path, { cause: error });
}

function codeOf(error: SystemError): LogErrorCode {
  if (isMissing(error)) return 'LOG_MISSING';
  if (error.code === 'EACCES' || error.code === 'EPERM') return 'LOG_PERMISSION';
  return error.code === 'EISDIR' ? 'LOG_NOT_A_FILE' : 'LOG_IO';
}
