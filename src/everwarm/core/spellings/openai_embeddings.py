from everwarm.core.spellings.spelling import Spelling

SPELLING = Spelling(volatile={})
