//! What JSON becomes, case by case: the recordings of `golden/formats` and the edges around them.
