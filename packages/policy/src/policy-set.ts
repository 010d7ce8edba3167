import type { CompiledPolicy, CompiledStatement } from "./compiled-policy.ts";
import { Evaluation } from "./evaluation.ts";
import type { WholeAccount } from "./principal-pattern.ts";
import type { PolicyRequest } from "./request.ts";
import { rememberVerdict, type RememberedVerdict, type RememberedVerdicts } from "./remembered-verdict.ts";
import { type ActionStatements, StatementIndex } from "./statement-index.ts";
import type { Verdict } from "./verdict.ts";

/** A set remembers which statements are about so many actions, which is more than anybody does with one thing… */
const MAX_ACTIONS = 128;
/** …and so many statements for all of these together. */
const MAX_STATEMENTS = 2_048;

/** What a set takes beside its policies, in bytes. */
const SET_BYTES = 2_048;

/** What is about one action. */
interface Remembered {
  readonly statements: ActionStatements;
  readonly verdicts: RememberedVerdicts;
}

/** Policies that stand together: all those of a user and its groups, say. Never changes. */
export class PolicySet {
  readonly policies: readonly CompiledPolicy[];
  readonly #byAction = new Map<string, Remembered>();
  /** How many statements {@link #byAction} holds. */
  #remembered = 0;
  #index: StatementIndex | undefined;

  constructor(policies: readonly CompiledPolicy[]) {
    this.policies = policies;
  }

  /** About how many bytes of memory they take, with all that may be remembered of them. */
  get bytes(): number {
    return this.policies.reduce((sum, { bytes }) => sum + bytes, SET_BYTES);
  }

  /**
   * What these policies say: any Deny that applies stands above every Allow. Statements without conditions are asked first. What
   * was found last for an action and resource is remembered with all that it was found by, and is said again where that is
   * the same.
   *
   * @param wholeAccount - whom an Allow of a whole account is for; all of its members if not given
   */
  evaluate(request: PolicyRequest, wholeAccount: WholeAccount = "members"): Verdict {
    const { statements, verdicts } = this.#aboutAction(request);
    const known = verdicts.get(request.resource);
    if (known !== undefined && this.#isStill(known, request, wholeAccount)) return known.verdict;
    const evaluation = new Evaluation(request);
    const verdict = verdictOf(this.#statements.find(statements, evaluation, wholeAccount), evaluation);
    if (request.isImagined !== true) rememberVerdict(verdicts, { evaluation, verdict, wholeAccount });
    return verdict;
  }

  /** The statements about an action, those of Deny first, else in the order of the policies. Nothing is remembered. */
  statementsAbout(action: string): readonly CompiledStatement[] {
    const about = statementsOf(this.policies).filter((statement) => statement.coversAction(action));
    const of = (effect: "Deny" | "Allow") => about.filter(({ verdict }) => verdict.effect === effect);
    return [...of("Deny"), ...of("Allow")];
  }

  get #statements(): StatementIndex {
    return (this.#index ??= new StatementIndex(statementsOf(this.policies)));
  }

  #aboutAction({ action, isImagined }: PolicyRequest): Remembered {
    const known = this.#byAction.get(action);
    if (known !== undefined) return known;
    const statements = this.#statements.about(action);
    const found: Remembered = { statements, verdicts: new Map() };
    if (isImagined !== true) this.#remember(action, found);
    return found;
  }

  #remember(action: string, found: Remembered): void {
    const { deny, allow } = found.statements;
    const size = deny.length + allow.length;
    if (this.#byAction.size >= MAX_ACTIONS || this.#remembered + size > MAX_STATEMENTS) {
      this.#byAction.clear();
      this.#remembered = 0;
    }
    this.#byAction.set(action, found);
    this.#remembered += size;
  }

  #isStill(known: RememberedVerdict, request: PolicyRequest, wholeAccount: WholeAccount): boolean {
    const isOfCaller = !this.#statements.nameWhom || known.isOfPrincipal(request.principal, wholeAccount);
    return isOfCaller && known.isOf(request);
  }
}

function statementsOf(policies: readonly CompiledPolicy[]): CompiledStatement[] {
  return policies.flatMap(({ statements }) => statements);
}

function verdictOf(decisive: CompiledStatement | undefined, { window }: Evaluation): Verdict {
  if (decisive === undefined) return window === undefined ? NONE : { ...NONE, window };
  return window === undefined ? decisive.verdict : { ...decisive.verdict, window };
}

const NONE = { effect: "None" } as const satisfies Verdict;
