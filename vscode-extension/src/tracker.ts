// What becomes of an offer, learnt from what happens to the document: VS Code's stable API tells it only for whole items.
// In: offers, changes, the caret. Out: fates. Offsets are UTF-16 units of the document; texts of offers have \n as line ends.
// Knows no editor.

export interface Offer {
  answer: number;
  item: number;
  text: string;
}

/** accepted: all of it at once; finished: all of it, in parts; word, line: a part; typed: the user wrote the same;
 * typedOver: the user wrote something else; rejected: the caret went away, or something was deleted. */
export const FATES = ["shown", "accepted", "finished", "word", "line", "typed", "typedOver", "rejected"] as const;
export type Fate = (typeof FATES)[number];

interface Standing {
  uri: string;
  offset: number;
  /** What is left of each offer that still agrees with the document. */
  offers: Offer[];
  inParts: boolean;
}

export class Tracker {
  private standing: Standing | undefined;

  constructor(private readonly tell: (fate: Fate, offer: Offer, chars: number) => void) {}

  /** How many offers stand at a place. */
  count(uri: string, offset: number): number {
    return this.isAt(uri, offset) ? (this.standing?.offers.length ?? 0) : 0;
  }

  /** An answer came; what goes on with what stands there is no new offer. */
  offer(uri: string, offset: number, offers: Offer[]): void {
    const [first] = offers;
    if (!first) {
      if (this.isAt(uri, offset)) this.standing = undefined;
      return;
    }
    const before = this.isAt(uri, offset) ? this.standing : undefined;
    const goesOn = before?.offers.some((old) => offers.some(({ text }) => text === old.text)) ?? false;
    this.standing = { uri, offset, offers, inParts: goesOn && (before?.inParts ?? false) };
    if (!goesOn) this.tell("shown", first, 0);
  }

  /** The document changed: `removed` units at `offset` became `inserted`. */
  change(uri: string, offset: number, removed: number, inserted: string): void {
    const standing = this.standing;
    if (!standing || standing.uri !== uri) return;
    const [first] = standing.offers;
    if (!first || offset !== standing.offset || removed > 0) {
      this.end(removed > 0 && offset + removed === standing.offset ? "rejected" : undefined);
      return;
    }
    const text = inserted.replaceAll("\r\n", "\n");
    const agreeing = standing.offers.filter((offer) => offer.text.startsWith(text));
    const [best] = agreeing;
    if (!best) {
      this.end("typedOver");
      return;
    }
    const atOnce = text.length > 1;
    if (best.text === text) {
      const fate = !atOnce ? "typed" : standing.inParts ? "finished" : "accepted";
      this.tell(fate, best, text.length);
      this.standing = undefined;
      return;
    }
    const behind = best.text.slice(text.length);
    if (atOnce) this.tell(text.includes("\n") || behind.startsWith("\n") ? "line" : "word", best, text.length);
    this.standing = {
      uri,
      offset: offset + inserted.length,
      offers: agreeing.map((offer) => ({ ...offer, text: offer.text.slice(text.length) })),
      inParts: standing.inParts || atOnce,
    };
  }

  /** The caret stands somewhere, or in no document at all. */
  caret(uri: string | undefined, offset: number): void {
    if (this.standing && (this.standing.uri !== uri || this.standing.offset !== offset)) this.end("rejected");
  }

  private isAt(uri: string, offset: number): boolean {
    return this.standing?.uri === uri && this.standing.offset === offset;
  }

  private end(fate: Fate | undefined): void {
    const offer = this.standing?.offers[0];
    this.standing = undefined;
    if (fate && offer) this.tell(fate, offer, 0);
  }
}
