/** Which versions an operator asks to erase. */

export interface ForgetWhat {
  readonly host: string;
  readonly url: string | undefined;
}
