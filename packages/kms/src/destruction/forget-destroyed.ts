import { type ChangeListener, isId, type Keystore } from "@cinnabar/kernel";
import { ownerKind } from "../key/key-repository.ts";

/**
 * Lets a process's keystore forget the versions that were destroyed on any node, or whose imported material was erased. Which
 * key a version belongs to never changes: that a version changed means that what the keystore has of it is no more.
 */
export function forgetDestroyed(keystore: Keystore): ChangeListener {
  return {
    changed(kindName, id) {
      if (kindName === ownerKind.name && isId("KeyVersion", id)) keystore.forget(id);
    },
    everythingChanged: () => keystore.forgetAll(),
  };
}
